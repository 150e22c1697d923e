// Pairs become rows of ids that fit into a context, the answers marked; what is dropped, cut or strange is counted.
import { Sha256 } from '../../checkpoint/hash.ts';
import { InputError } from '../../errors.ts';
import type { ExampleEncoder } from '../instruct/encode.ts';
import { fittedRow, sum, type Tally, type TokenRow } from '../instruct/encoded_rows.ts';
import type { ExamplePair } from './pairs.ts';

/** Both answers, each behind the prompt. */
export interface TokenPair {
  readonly chosen: TokenRow;
  readonly rejected: TokenRow;
}

export interface PairCounts {
  /** Pairs that were read. */
  readonly pairs: number;
  /** Dropped: both answers are the same. */
  readonly equal: Tally;
  /** Dropped: one of the answers is empty. */
  readonly empty: Tally;
  /** Dropped: nothing of an answer is left within the context. */
  readonly cutAway: Tally;
  /** Tokens of the first of those rows, of which none is trained on. */
  readonly cutAwayTokens: number;
  /** Dropped: what is left of both answers within the context is the same. */
  readonly equalWhenCut: Tally;
  /** Kept, an answer without its end. */
  readonly cutAnswers: Tally;
  /** Texts of control tokens and headings in messages, which stay text: how many, and the first row. */
  readonly typed: Tally;
  /** Of both rows of every pair that is kept. */
  readonly tokens: number;
  readonly trained: number;
}

export interface EncodedPairs {
  readonly pairs: readonly TokenPair[];
  readonly counts: PairCounts;
}

/**
 * Rows of at most `blockSize` + 1 tokens: what is longer loses its end, never the beginning of its prompt, so that a row is what the
 * model is asked later. The answer is the last turn alone: give an encoder for the turns `last`.
 * @param file for messages
 * @throws InputError as the encoder, and where no pair is left
 */
export function encodePairs(
  examples: readonly ExamplePair[],
  encoder: ExampleEncoder,
  file: string,
  { blockSize }: { blockSize: number },
): EncodedPairs {
  const tally = (): Tally => ({ count: 0, first: '' });
  const counts = {
    ...{ pairs: examples.length, equal: tally(), empty: tally(), cutAway: tally(), cutAwayTokens: 0 },
    ...{ equalWhenCut: tally(), cutAnswers: tally(), typed: tally(), tokens: 0, trained: 0 },
  };
  const met = (what: Tally, where: string, times = 1) => {
    if (what.count === 0) what.first = where;
    what.count += times;
  };
  const pairs: TokenPair[] = [];
  for (const { where, chosen, rejected } of examples) {
    const sides = [chosen, rejected];
    const parts = sides.map((example) => encoder.parts(example));
    const rows = parts.map((each) => fittedRow(each, where, { blockSize }));
    const none = rows.find(({ row }) => sum(row.trained) === 0);
    const [a, b] = rows.map(({ row }) => row) as [TokenRow, TokenRow];
    if (parts.some((each) => !each.some(({ answer }) => answer))) met(counts.empty, where);
    else if (chosen.messages.at(-1)!.content === rejected.messages.at(-1)!.content) met(counts.equal, where);
    else if (none) {
      if (counts.cutAway.count === 0) counts.cutAwayTokens = none.row.ids.length;
      met(counts.cutAway, where);
    } else if (a.ids.join() === b.ids.join()) met(counts.equalWhenCut, where);
    else {
      // The prompt stands in both.
      const typed =
        encoder.typed(chosen) + encoder.typed({ ...rejected, messages: rejected.messages.slice(-1), input: '' });
      if (typed > 0) met(counts.typed, where, typed);
      if (rows.some(({ cutAnswer }) => cutAnswer)) met(counts.cutAnswers, where);
      counts.tokens += a.ids.length + b.ids.length;
      counts.trained += sum(a.trained) + sum(b.trained);
      pairs.push({ chosen: a, rejected: b });
    }
  }
  if (pairs.length === 0) throw nothingPreferred(file, counts, blockSize);
  return { pairs, counts };
}

function nothingPreferred(file: string, counts: PairCounts, T: number): InputError {
  const { pairs, equal, empty, cutAway, cutAwayTokens, equalWhenCut } = counts;
  if (equal.count === pairs)
    return new InputError(
      `${file}: found ${pairs} pairs, all equal (chosen = rejected), expected answers that differ. Name another file with --data.`,
    );
  if (cutAway.count + equalWhenCut.count === 0)
    return new InputError(
      `${file}: found ${pairs} pairs, of which ${equal.count} are equal and ${empty.count} lack an answer, expected two answers that differ. Name another file with --data.`,
    );
  const [where, left] =
    cutAway.count > 0
      ? [cutAway.first, `no answer token left after cutting to the context of ${T} (0 of ${cutAwayTokens} trained)`]
      : [equalWhenCut.first, `nothing that differs left after cutting to the context of ${T}`];
  return new InputError(
    `${where}: ${left}, and no other pair of ${pairs} to learn from, expected at least one. Use a longer --context, or rows with shorter prompts.`,
  );
}

/** What a person should know of the pairs, a sentence each; `warn` where something of them is lost. */
export function pairNotes(
  { pairs, equal, empty, cutAway, cutAwayTokens, equalWhenCut, cutAnswers, typed }: PairCounts,
  blockSize: number,
  { eosId }: { eosId: number | null },
): { sentence: string; warn: boolean }[] {
  const notes: { sentence: string; warn: boolean }[] = [];
  const say = (sentence: string, warn = true) => void notes.push({ sentence, warn });
  const first = ({ count, first }: Tally) => (count === 1 ? first : `the first is ${first}`);
  const some = ({ count }: Tally) => `${count} pair${count === 1 ? '' : 's'}`;
  if (equal.count > 0) say(`${some(equal)} equal (chosen = rejected), dropped: ${first(equal)}.`);
  if (empty.count > 0) say(`${some(empty)} with an empty answer, dropped: ${first(empty)}.`);
  if (cutAway.count > 0)
    say(
      `${cutAway.first}: no answer token left after cutting, refused (0 of ${cutAwayTokens} trained); ${some(cutAway)} of ${pairs} in all: use a longer --context.`,
    );
  if (equalWhenCut.count > 0)
    say(`${some(equalWhenCut)} equal once cut to the context of ${blockSize}, dropped: ${first(equalWhenCut)}.`);
  if (cutAnswers.count > 0)
    say(`${some(cutAnswers)} longer than the context of ${blockSize} lose the end of an answer: ${first(cutAnswers)}.`);
  if (typed.count > 0)
    say(
      `${typed.count} control token${typed.count === 1 ? '' : 's'} or heading${typed.count === 1 ? '' : 's'} typed in messages stay text: ${first(typed)}.`,
      false,
    );
  if (eosId === null) say('the tokenizer has no token that ends a text: answers are compared without an end.');
  return notes;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** Of lists that were hashed: every checkpoint asks for it. */
const hashes = new WeakMap<readonly TokenPair[], string>();

/** SHA-256 over all ids of all pairs in their order, and which of them are an answer's: what belongs to these belongs to no others. */
export function pairsHash(pairs: readonly TokenPair[]): string {
  const known = hashes.get(pairs);
  if (known !== undefined) return known;
  const hash = new Sha256();
  for (const { ids, trained } of pairs.flatMap(({ chosen, rejected }) => [chosen, rejected])) {
    hash
      .update(bytesOf(Int32Array.of(ids.length)))
      .update(bytesOf(ids))
      .update(trained);
  }
  const hex = hash.hex();
  hashes.set(pairs, hex);
  return hex;
}
