// Examples become rows that fit into a context, with the tokens that are trained on marked; what is dropped, cut or strange is counted.
import { InputError } from '../../errors.ts';
import type { ExampleEncoder, Part } from './encode.ts';
import type { Example } from './examples.ts';

/** Tokens of one example, and which of them are predicted with a loss. */
export interface TokenRow {
  /** For messages. */
  readonly where: string;
  readonly ids: Int32Array;
  /** 1 where the token is trained on. Nothing predicts the first one. */
  readonly trained: Uint8Array;
}

export type LossOn = 'answer' | 'all';

/** How often something was met, and where first. */
export interface Tally {
  count: number;
  first: string;
}

export interface RowCounts {
  /** Examples that were read. */
  readonly examples: number;
  /** Dropped: the answer is empty. */
  readonly empty: Tally;
  /** Dropped: nothing that is trained on is left within the context. */
  readonly cutAway: Tally;
  /** Tokens of the first of those, of which none is trained on. */
  readonly cutAwayTokens: number;
  /** Kept without their end. */
  readonly cut: Tally;
  /** Kept without a part of what is trained on. */
  readonly cutAnswers: Tally;
  /** Texts of control tokens and headings in messages, which stay text: how many, and the first row. */
  readonly typed: Tally;
  readonly tokens: number;
  readonly trained: number;
}

export interface EncodedRows {
  readonly rows: readonly TokenRow[];
  readonly counts: RowCounts;
}

export interface EncodeRowsOptions {
  /** Tokens that the model sees at most: a row has one more, which is only predicted. */
  readonly blockSize: number;
  readonly lossOn?: LossOn;
}

/**
 * @param file for messages
 * @throws InputError as the encoder, and where no row trains anything
 */
export function encodeRows(
  examples: readonly Example[],
  encoder: ExampleEncoder,
  file: string,
  { blockSize, lossOn = 'answer' }: EncodeRowsOptions,
): EncodedRows {
  const tally = (): Tally => ({ count: 0, first: '' });
  const counts = {
    ...{ examples: examples.length, empty: tally(), cutAway: tally(), cutAwayTokens: 0 },
    ...{ cut: tally(), cutAnswers: tally(), typed: tally(), tokens: 0, trained: 0 },
  };
  const met = (what: Tally, where: string, times = 1) => {
    if (what.count === 0) what.first = where;
    what.count += times;
  };
  const rows: TokenRow[] = [];
  for (const example of examples) {
    const { where } = example;
    const parts = encoder.parts(example);
    if (!parts.some(({ answer }) => answer)) {
      met(counts.empty, where);
      continue;
    }
    const { row, cut, cutAnswer } = fittedRow(parts, where, { blockSize, lossOn });
    const count = sum(row.trained);
    if (count === 0) {
      if (counts.cutAway.count === 0) counts.cutAwayTokens = row.ids.length;
      met(counts.cutAway, where);
      continue;
    }
    const typed = encoder.typed(example);
    if (typed > 0) met(counts.typed, where, typed);
    if (cut) met(counts.cut, where);
    if (cutAnswer) met(counts.cutAnswers, where);
    counts.tokens += row.ids.length;
    counts.trained += count;
    rows.push(row);
  }
  if (rows.length === 0) throw nothingTrained(file, counts, blockSize);
  return { rows, counts };
}

/** The parts as a row that fits into the context; whether its end is cut off, and whether what is trained on loses something there. */
export function fittedRow(
  parts: readonly Part[],
  where: string,
  { blockSize, lossOn = 'answer' }: EncodeRowsOptions,
): { row: TokenRow; cut: boolean; cutAnswer: boolean } {
  const length = parts.reduce((total, { ids }) => total + ids.length, 0);
  const kept = Math.min(length, blockSize + 1);
  const ids = new Int32Array(length);
  const trained = new Uint8Array(length);
  let from = 0;
  for (const part of parts) {
    ids.set(part.ids, from);
    trained.fill(part.answer || lossOn === 'all' ? 1 : 0, from, from + part.ids.length);
    from += part.ids.length;
  }
  trained[0] = 0;
  return {
    row: { where, ids: ids.slice(0, kept), trained: trained.slice(0, kept) },
    cut: kept < length,
    cutAnswer: trained.subarray(kept).some((one) => one === 1),
  };
}

export const sum = (values: Uint8Array): number => values.reduce((total, value) => total + value, 0);

function nothingTrained(file: string, { examples, empty, cutAway, cutAwayTokens }: RowCounts, T: number): InputError {
  if (cutAway.count === 0)
    return new InputError(
      `${file}: found ${empty.count === examples ? `${examples} rows, all` : `${empty.count} of ${examples} rows`} without an answer (the first is ${empty.first}), expected answers to learn from. Name another file with --data.`,
    );
  return new InputError(
    `${cutAway.first}: no answer token left after cutting to the context of ${T} (0 of ${cutAwayTokens} trained)${examples === 1 ? '' : `, nor in any other of ${examples} rows`}, expected at least one. Use a longer --context, or rows with shorter prompts.`,
  );
}

/** What a person should know of the rows, a sentence each; `warn` where something of them is lost. */
export function rowNotes(
  { examples, empty, cutAway, cutAwayTokens, cut, cutAnswers, typed }: RowCounts,
  blockSize: number,
  { eosId }: { eosId: number | null },
): { sentence: string; warn: boolean }[] {
  const notes: { sentence: string; warn: boolean }[] = [];
  const say = (sentence: string, warn = true) => void notes.push({ sentence, warn });
  const first = ({ count, first }: Tally) => (count === 1 ? first : `the first is ${first}`);
  const rows = (n: number) => `${n} row${n === 1 ? '' : 's'}`;
  if (empty.count > 0) say(`${empty.count} answer${empty.count === 1 ? '' : 's'} empty: dropped, ${first(empty)}.`);
  if (cutAway.count > 0)
    say(
      `${cutAway.first}: no answer token left after cutting, refused (0 of ${cutAwayTokens} trained); ${rows(cutAway.count)} of ${examples} in all: use a longer --context.`,
    );
  if (cutAnswers.count > 0)
    say(
      `cut within the answer, at the context of ${blockSize}: ${rows(cutAnswers.count)}, ${first(cutAnswers)}: no end is learned there.`,
    );
  if (cut.count > cutAnswers.count)
    say(`cut behind the answer, at the context of ${blockSize}: ${rows(cut.count - cutAnswers.count)}.`, false);
  if (typed.count > 0)
    say(
      `control tokens and headings of prompts typed in messages stay text: ${typed.count}, ${typed.count === 1 ? 'in' : 'the first in'} ${typed.first}.`,
      false,
    );
  if (eosId === null)
    say('the tokenizer has no token that ends a text: answers are learned without an end, and generation goes on.');
  return notes;
}
