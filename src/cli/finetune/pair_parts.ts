// Pairs in their parts: to train, to validate, to test. They follow from the files, the settings and the seed.

import { grouped } from '../../data/counted.ts';
import type { Pair } from '../../data/pairs/read_pairs.ts';
import { type PairParts, splitPairs } from '../../data/pairs/split_pairs.ts';
import { printable } from '../../data/printable.ts';
import { InputError } from '../../errors.ts';
import type { FinetuneSettings } from '../../finetune/settings.ts';
import type { Output } from '../output.ts';
import { toldPairs } from '../told_pairs.ts';
import type { ChosenPairs } from './pair_files.ts';

export interface SplitPairs extends PairParts<Pair> {
  /** The files, as messages name them. */
  readonly name: string;
  readonly validationName: string;
}

/** Reads them, and tells what was found. @throws InputError as readPairs and splitPairs, and for parts that leave nothing to train on */
export function pairParts(
  { train, validation }: ChosenPairs,
  settings: Pick<FinetuneSettings, 'sourceColumn' | 'targetColumn' | 'validationPart' | 'testPart'>,
  seed: number,
  out: Output,
): SplitPairs {
  const { sourceColumn, targetColumn, validationPart, testPart = 0 } = settings;
  const columns = { sourceColumn: sourceColumn || undefined, targetColumn: targetColumn || undefined };
  if (!validation && validationPart + testPart >= 1)
    throw new InputError(
      `--test-part: found ${testPart} beside a validation part of ${validationPart}, expected parts that leave pairs to train on. Make one of them smaller.`,
    );
  const set = toldPairs({ ...train, ...columns }, out);
  const { name } = set;
  if (!validation) {
    const parts = splitPairs(set.pairs, { validationPart, testPart, seed, name });
    return { ...parts, name, validationName: name };
  }
  const held = toldPairs(
    { ...validation, ...(validation.data !== undefined && columns), flagPrefix: 'validation-' },
    out,
  );
  const parts = splitPairs(set.pairs, { validationPart: 0, testPart, seed, name });
  const known = new Set(parts.train.map(({ source }) => source));
  const seen = held.pairs.filter(({ source }) => known.has(source)).length;
  if (seen > 0)
    out.warn(
      `${printable(held.name, true)}: ${grouped(seen)} of ${grouped(held.pairs.length)} sources stand among those to train on, word for word.`,
    );
  return { ...parts, validation: held.pairs, name, validationName: held.name };
}
