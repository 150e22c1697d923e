// chrF and chrF++: how many runs of one to six characters (and of one and two words) a translation shares with those that people
// wrote. Source: Popović 2015 and 2017 (chrF, chrF++); averaging and signature as sacreBLEU has them.
import { referencesOf } from './corpus.ts';
import { signature } from './signature.ts';
import { add, common, countRuns, spaced } from './words.ts';

/** Longest runs of characters. */
const CHARACTERS = 6;
/** Recall counts this many times as much as precision. */
const BETA = 2;

export interface ChrfOptions {
  /** Longest runs of words: 0 is chrF, 2 is chrF++. */
  wordOrder?: 0 | 2 | undefined;
  lowercase?: boolean | undefined;
}

export interface Chrf {
  /** 0 to 100. */
  readonly score: number;
  readonly signature: string;
}

/** Runs of one length in the hypothesis, in the reference, and in both. */
type Order = readonly [said: number, expected: number, both: number];

/**
 * chrF of all texts together, each compared with the reference that gives it the best score.
 * @param references one list for each set of references, as long as the hypotheses
 * @throws InputError as referencesOf
 */
export function chrf(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { wordOrder = 0, lowercase }: ChrfOptions = {},
): Chrf {
  return chrfOfOrders(hypotheses, references, [wordOrder], lowercase)[0]!;
}

/** The same for several orders of words; characters are counted once for all of them. */
export function chrfOfOrders(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  wordOrders: readonly (0 | 2)[],
  lowercase = false,
): Chrf[] {
  const runs = (text: string) => runsOf(lowercase ? text.toLowerCase() : text, Math.max(...wordOrders));
  const sums = wordOrders.map((order) => Array.from({ length: CHARACTERS + order }, (): Order => [0, 0, 0]));
  referencesOf(hypotheses, references).forEach((own, row) => {
    const said = runs(hypotheses[row]!);
    const found = own.map((reference) => compare(said, runs(reference)));
    wordOrders.forEach((order, at) => {
      const scored = found.map((orders) => orders.slice(0, CHARACTERS + order));
      const best = scored.reduce((most, each) => (scoreOf(each) > scoreOf(most) ? each : most));
      sums[at] = sums[at]!.map(([a, b, c], i) => [a + best[i]![0], b + best[i]![1], c + best[i]![2]]);
    });
  });
  return wordOrders.map((order, at) => {
    const told = { case: lowercase ? 'lc' : 'mixed', eff: 'yes', nc: CHARACTERS, nw: order, space: 'no' };
    return { score: scoreOf(sums[at]!), signature: signature(references.length, told) };
  });
}

/** Runs of each length: of characters without white space, then of words. */
function runsOf(text: string, wordOrder: number): Map<string, number>[] {
  const line = spaced(text).join('');
  // Code points, where one takes two units.
  const characters = /[\ud800-\udfff]/.test(line) ? Array.from(line) : line;
  const letters = Array.from({ length: CHARACTERS }, (_, i) => {
    const counts = new Map<string, number>();
    for (let at = 0; at + i < characters.length; at++) {
      const run = characters.slice(at, at + i + 1);
      add(counts, typeof run === 'string' ? run : run.join(''));
    }
    return counts;
  });
  const words = wordOrder > 0 ? spaced(text).flatMap(withoutPunctuation) : [];
  return [...letters, ...Array.from({ length: wordOrder }, (_, i) => countRuns(words, i + 1))];
}

const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** A sign at the end of a word is one of its own, else one at its beginning. */
function withoutPunctuation(word: string): string[] {
  if (word.length === 1) return [word];
  if (PUNCTUATION.test(word.at(-1)!)) return [word.slice(0, -1), word.at(-1)!];
  return PUNCTUATION.test(word[0]!) ? [word[0]!, word.slice(1)] : [word];
}

function compare(said: readonly Map<string, number>[], expected: readonly Map<string, number>[]): Order[] {
  return said.map((counts, i) => {
    const others = expected[i]!;
    // Runs of a length that the reference has none of do not count against the hypothesis.
    return [others.size === 0 ? 0 : total(counts), total(others), common(counts, others)];
  });
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** F score of the means of precision and recall over the lengths that both texts have, 0 to 100. */
function scoreOf(orders: readonly Order[]): number {
  const had = orders.filter(([said, expected]) => said > 0 && expected > 0);
  if (had.length === 0) return 0;
  const mean = (share: (order: Order) => number) => had.reduce((sum, order) => sum + share(order), 0) / had.length;
  const precision = mean(([said, , both]) => both / said);
  const recall = mean(([, expected, both]) => both / expected);
  if (precision + recall === 0) return 0;
  return (100 * (1 + BETA ** 2) * precision * recall) / (BETA ** 2 * precision + recall);
}
