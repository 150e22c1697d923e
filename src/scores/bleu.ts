// BLEU: how many runs of one to four words a translation shares with those that people wrote. Source: Papineni et al. 2002
// (Proceedings of ACL); tokens, smoothing and signature as sacreBLEU has them (Post 2018, arXiv:1804.08771).
import { referencesOf } from './corpus.ts';
import { signature } from './signature.ts';
import { tokenize13a } from './tokenizer_13a.ts';
import { common, countRuns } from './words.ts';

/** Longest runs that are counted. */
const ORDER = 4;

export interface BleuOptions {
  /** Texts are compared in small letters. */
  lowercase?: boolean | undefined;
}

/** What is counted of one text, or of many: the sums. */
interface Counts {
  /** Runs of 1 to 4 tokens that a reference has too, and all. */
  readonly counts: number[];
  readonly totals: number[];
  /** Tokens of the hypotheses, and of the references that are nearest to them in length. */
  hypLength: number;
  refLength: number;
}

export interface Bleu extends Readonly<Counts> {
  /** 0 to 100. */
  readonly score: number;
  /** Percent of the runs of 1 to 4 tokens, those without a match smoothed. */
  readonly precisions: readonly number[];
  /** 1 where the hypotheses are as long as the references or longer, less where they are shorter. */
  readonly brevityPenalty: number;
  readonly signature: string;
}

/**
 * BLEU of all texts together. References may be empty; so may hypotheses.
 * @param references one list for each set of references, as long as the hypotheses
 * @throws InputError as referencesOf
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { lowercase = false }: BleuOptions = {},
): Bleu {
  const sums: Counts = { counts: zeros(), totals: zeros(), hypLength: 0, refLength: 0 };
  referencesOf(hypotheses, references).forEach((own, row) => {
    const { counts, totals, hypLength, refLength } = countText(hypotheses[row]!, own, lowercase);
    for (let n = 0; n < ORDER; n++) {
      sums.counts[n]! += counts[n]!;
      sums.totals[n]! += totals[n]!;
    }
    sums.hypLength += hypLength;
    sums.refLength += refLength;
  });
  const told = { case: lowercase ? 'lc' : 'mixed', eff: 'no', tok: '13a', smooth: 'exp' };
  return { ...scoreOf(sums, false), signature: signature(references.length, told) };
}

/** BLEU of one text, 0 to 100: over the orders that it is long enough for. @param references at least one */
export function sentenceBleu(
  hypothesis: string,
  references: readonly string[],
  { lowercase = false }: BleuOptions = {},
): number {
  return scoreOf(countText(hypothesis, references, lowercase), true).score;
}

function countText(hypothesis: string, references: readonly string[], lowercase: boolean): Counts {
  const tokens = (text: string) => tokenize13a(lowercase ? text.toLowerCase() : text);
  const said = tokens(hypothesis);
  const expected = references.map(tokens);
  const found: Counts = {
    counts: zeros(),
    totals: zeros(),
    hypLength: said.length,
    refLength: nearest(said.length, expected),
  };
  for (let n = 1; n <= ORDER; n++) {
    found.totals[n - 1] = Math.max(0, said.length - n + 1);
    found.counts[n - 1] = common(countRuns(said, n), mostOf(expected.map((each) => countRuns(each, n))));
  }
  return found;
}

/** Each as often as in the list that has most of it. */
function mostOf(lists: readonly Map<string, number>[]): Map<string, number> {
  const most = new Map(lists[0]);
  for (const list of lists.slice(1))
    for (const [key, count] of list) most.set(key, Math.max(count, most.get(key) ?? 0));
  return most;
}

/** Length of the reference that is nearest in length, of two such the shorter one's. */
function nearest(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((each) => each.length).sort((a, b) => a - b);
  return lengths.reduce((best, each) => (Math.abs(each - length) < Math.abs(best - length) ? each : best));
}

/**
 * exp(mean over orders of ln precision) times the brevity penalty. The k-th order without a match counts as 1 / 2^k matches
 * (Chen and Cherry 2014, method 3).
 * @param effective the orders of which there is no run are left out of the mean; otherwise they make it 0
 */
function scoreOf(sums: Counts, effective: boolean): Omit<Bleu, 'signature'> {
  const { counts, totals, hypLength, refLength } = sums;
  const short = hypLength === 0 ? 0 : Math.exp(1 - refLength / hypLength);
  const brevityPenalty = hypLength < refLength ? short : 1;
  const precisions = zeros();
  if (counts.every((count) => count === 0)) return { ...sums, score: 0, precisions, brevityPenalty };
  let missed = 0;
  let orders = 0;
  for (; orders < ORDER && totals[orders]! > 0; orders++) {
    const matches = counts[orders] || 2 ** -(missed += 1);
    precisions[orders] = (100 * matches) / totals[orders]!;
  }
  const averaged = effective ? orders : ORDER;
  const mean = precisions.slice(0, averaged).reduce((sum, each) => sum + Math.log(each), 0) / averaged;
  return { ...sums, score: brevityPenalty * Math.exp(mean), precisions, brevityPenalty };
}

const zeros = () => new Array<number>(ORDER).fill(0);
