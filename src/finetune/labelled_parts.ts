// The rows of a classifier's run in their parts: to train, to validate, to test. They follow from the rows, the settings and the seed,
// so that whoever measures the classifier later finds those again that it was trained on.
import type { LabelledColumns } from '../data/labelled_columns.ts';
import type { LabelledRow, LabelledSet } from '../data/labelled_rows.ts';
import { type Distinct, distinctRows, type Split, splitRows } from '../data/split.ts';
import { InputError } from '../errors.ts';
import type { FinetuneSettings } from './settings.ts';

export type PartSettings = Pick<
  FinetuneSettings,
  'textColumn' | 'labelColumn' | 'balance' | 'validationPart' | 'testPart'
>;

export interface LabelledParts {
  set: LabelledSet;
  distinct: Distinct<LabelledRow>;
  parts: Split<LabelledRow>;
}

/**
 * @param read the rows, by their columns; asked once the settings are known to be right
 * @throws InputError as `read` and splitRows, and for parts that leave nothing to train on
 */
export function partsOf(
  read: (columns: LabelledColumns) => LabelledSet,
  settings: PartSettings,
  seed: number,
): LabelledParts {
  const { textColumn, labelColumn, validationPart, testPart = 0, balance = false } = settings;
  refuseParts(validationPart, testPart);
  const set = read({ textColumn: textColumn || undefined, labelColumn: labelColumn || undefined });
  const distinct = distinctRows(set.rows);
  const train = 1 - validationPart - testPart;
  const shares = { seed, name: set.name, balance, train, validation: validationPart };
  return { set, distinct, parts: splitRows(distinct.rows, shares) };
}

/** @throws InputError for parts that leave nothing to train on */
export function refuseParts(validationPart: number, testPart: number): void {
  if (validationPart + testPart >= 1)
    throw new InputError(
      `--test-part: found ${testPart} beside a validation part of ${validationPart}, expected parts that leave rows to train on. Make one of them smaller.`,
    );
}
