// Pairs become ids that fit into a context; what is dropped, cut or unknown is counted.
import { InputError } from '../../errors.ts';
import { IdStore } from '../id_store.ts';
import { type Tokenizer, WordTokenizer } from '../tokenizer.ts';
import type { Pair } from './read_pairs.ts';

/** A pair in tokens, without beginnings and ends. */
export interface EncodedPair {
  readonly source: Int32Array;
  readonly target: Int32Array;
  /** Of the file, from 1. */
  readonly line: number;
}

export interface EncodePairsOptions {
  readonly source: Tokenizer;
  readonly target: Tokenizer;
  /** Positions of the model: a side has one less, for its end. */
  readonly blockSize: number;
  /** What becomes of a pair with a longer side: it loses the end of the side, or is dropped. */
  readonly long: 'cut' | 'drop';
  /** Opens messages: the file. */
  readonly name: string;
}

/** How often something was met, and on which line first; 0 for never. */
export interface LineTally {
  count: number;
  line: number;
}

export interface SideCounts {
  /** Of the pairs that are kept. */
  tokens: number;
  /** Most of one text, before it is cut or dropped. */
  longest: number;
  /** Texts that are longer than the context. */
  readonly long: LineTally;
  /** Tokens that stand for any unknown word; the line is that of the first. */
  readonly unknown: LineTally;
}

export interface EncodedPairCounts {
  /** Pairs that were given. */
  readonly pairs: number;
  readonly source: SideCounts;
  readonly target: SideCounts;
  /** Pairs of which a side or both are longer than the context. */
  readonly long: LineTally;
  /** Dropped: a side without a token. */
  readonly empty: LineTally;
}

export interface EncodedPairs {
  readonly rows: readonly EncodedPair[];
  readonly counts: EncodedPairCounts;
  /** What a person should know of them, a sentence each; `warn` where something is lost. */
  readonly notes: readonly { readonly sentence: string; readonly warn: boolean }[];
}

const SIDES = ['source', 'target'] as const;

/**
 * The tokens of pairs.
 * @throws InputError for a text that a tokenizer cannot encode, naming its line, and where no pair is left or could be
 */
export function encodePairs(pairs: readonly Pair[], options: EncodePairsOptions): EncodedPairs {
  const { blockSize, long, name } = options;
  if (blockSize < 2)
    throw new InputError(
      `${name}: found a context of ${blockSize}, which the end of a text fills, expected 2 or more. Use a longer --context.`,
    );
  const counts = { pairs: pairs.length, source: sideCounts(), target: sideCounts(), long: tally(), empty: tally() };
  const store = new IdStore();
  const unknown = { source: unknownIdOf(options.source), target: unknownIdOf(options.target) };
  const rows: EncodedPair[] = [];
  for (const pair of pairs) {
    const { line } = pair;
    const ids = { source: idsOf(pair, 'source', options), target: idsOf(pair, 'target', options) };
    if (ids.source.length === 0 || ids.target.length === 0) {
      met(counts.empty, line);
      continue;
    }
    for (const side of SIDES) {
      counts[side].longest = Math.max(counts[side].longest, ids[side].length);
      if (ids[side].length >= blockSize) met(counts[side].long, line);
    }
    const isLong = SIDES.some((side) => ids[side].length >= blockSize);
    if (isLong) met(counts.long, line);
    if (isLong && long === 'drop') continue;
    for (const side of SIDES) {
      ids[side] = ids[side].slice(0, blockSize - 1);
      counts[side].tokens += ids[side].length;
      if (unknown[side] === null) continue;
      const times = ids[side].filter((id) => id === unknown[side]).length;
      if (times > 0) met(counts[side].unknown, line, times);
    }
    rows.push({ source: store.add(ids.source), target: store.add(ids.target), line });
  }
  if (rows.length === 0) throw nothingLeft(counts, options);
  return { rows, counts, notes: notesOf(counts, options) };
}

const tally = (): LineTally => ({ count: 0, line: 0 });
const sideCounts = (): SideCounts => ({ tokens: 0, longest: 0, long: tally(), unknown: tally() });

function met(what: LineTally, line: number, times = 1): void {
  if (what.count === 0) what.line = line;
  what.count += times;
}

/** The id that stands for any word that a vocabulary lacks; null where there is none. */
function unknownIdOf(tokenizer: Tokenizer): number | null {
  return tokenizer instanceof WordTokenizer ? tokenizer.parts.unknownId : null;
}

/** The ids of one side, with nothing before them: what begins and ends a text is the model's. */
function idsOf(pair: Pair, side: (typeof SIDES)[number], { name, ...tokenizers }: EncodePairsOptions): number[] {
  try {
    return tokenizers[side].encode(pair[side]);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${name}: line ${pair.line}: ${side}: ${error.message}`, { cause: error });
  }
}

function nothingLeft(counts: EncodedPairCounts, { blockSize, name }: EncodePairsOptions): InputError {
  const { pairs, long, empty } = counts;
  if (long.count === 0)
    return new InputError(
      `${name}: found ${pairs === 1 ? '1 pair, with' : `${pairs} pairs, all of them with`} a side without a token, expected texts that the tokenizers know. Name another file or tokenizer.`,
    );
  const without = empty.count > 0 ? ` and ${empty.count} without a token on a side` : '';
  return new InputError(
    `${name}: found ${long.count} of ${pairs} ${pairs === 1 ? 'pair' : 'pairs'} longer than the context of ${blockSize}${without}, and no other, expected one to learn from at least. ` +
      'Use a longer --context, or shorter texts.',
  );
}

function notesOf(counts: EncodedPairCounts, { blockSize, long: way, name }: EncodePairsOptions): EncodedPairs['notes'] {
  const notes: { sentence: string; warn: boolean }[] = [];
  const say = (sentence: string, warn = true) => void notes.push({ sentence: `${name}: ${sentence}`, warn });
  const first = ({ count, line }: LineTally) => (count === 1 ? `line ${line}` : `the first is line ${line}`);
  const some = (count: number, word = 'pair') => `${count} ${word}${count === 1 ? '' : 's'}`;
  const { pairs, source, target, long, empty } = counts;
  const context = `the context of ${blockSize} (a text and its end)`;
  if (empty.count > 0) say(`${some(empty.count)} with a side without a token, dropped: ${first(empty)}.`);
  if (long.count > 0 && way === 'drop')
    say(
      `${some(long.count)} of ${pairs} with a side longer than ${context}, dropped: ${first(long)}; the longest side has ${Math.max(source.longest, target.longest)} tokens.`,
    );
  if (way === 'cut') {
    if (source.long.count > 0)
      say(
        `${some(source.long.count, 'source')} of ${pairs} longer than ${context}, cut: ${first(source.long)}; the longest has ${source.longest} tokens.`,
      );
    if (target.long.count > 0)
      say(
        `${some(target.long.count, 'target')} of ${pairs} longer than ${context}, cut: ${first(target.long)}; they are learned to end there.`,
      );
  }
  for (const side of SIDES) {
    const { unknown, tokens } = counts[side];
    if (unknown.count === 0) continue;
    const share = ((100 * unknown.count) / tokens).toFixed(1);
    say(
      `${share} % of the words of ${side}s (${unknown.count} of ${tokens}) are not in the vocabulary, the first on line ${unknown.line}: each is the same unknown token.`,
      unknown.count > 0.05 * tokens,
    );
  }
  return notes;
}
