// Pairs as evaluate and finetune take them: read from files and turned into ids, with what a person should know of them said on the way.
import {
  type EncodedPair,
  type EncodedPairCounts,
  type EncodePairsOptions,
  encodePairs,
} from '../data/pairs/encode_pairs.ts';
import { type Pair, type PairFiles, type PairSet, readPairs } from '../data/pairs/read_pairs.ts';
import { printable } from '../data/printable.ts';
import type { Output } from './output.ts';

/** @throws InputError as readPairs */
export function toldPairs(files: PairFiles, out: Output): PairSet {
  const set = readPairs(files);
  for (const note of set.notes) out.note(printable(note, true));
  for (const warning of set.warnings) out.warn(printable(warning, true));
  return set;
}

/** Rows, and beside each its texts. @throws InputError as encodePairs */
export function toldRows(
  pairs: readonly Pair[],
  options: EncodePairsOptions,
  out: Output,
): { rows: readonly EncodedPair[]; pairs: readonly Pair[]; counts: EncodedPairCounts } {
  const { rows, counts, notes } = encodePairs(pairs, options);
  for (const { sentence, warn } of notes) out[warn ? 'warn' : 'note'](printable(sentence, true));
  const byLine = new Map(pairs.map((pair) => [pair.line, pair]));
  return { rows, counts, pairs: rows.map(({ line }) => byLine.get(line)!) };
}
