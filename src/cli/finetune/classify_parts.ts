// The rows of a classifier's run in their parts: to train, to validate, to test. They follow from the file, the settings and the seed, so
// that whoever measures the classifier later finds those again that it was trained on.
import { existsSync } from 'node:fs';
import { diskLayer } from '../../checkpoint/files.ts';
import { maxConfigBytes, readLimited } from '../../checkpoint/model_folder.ts';
import { parseTrainingState } from '../../checkpoint/training_state.ts';
import { type LabelledRow, type LabelledSet, readLabelled } from '../../data/labelled.ts';
import { type Distinct, distinctRows, type Split, splitRows } from '../../data/split.ts';
import { InputError } from '../../errors.ts';
import { hashOfFile } from './data_file.ts';
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

/** @throws InputError as readLabelled and splitRows, and for parts that leave nothing to train on */
export function labelledParts(file: string, settings: PartSettings, seed: number): LabelledParts {
  const { textColumn, labelColumn, validationPart, testPart = 0, balance = false } = settings;
  if (validationPart + testPart >= 1)
    throw new InputError(
      `--test-part: found ${testPart} beside a validation part of ${validationPart}, expected parts that leave rows to train on. Make one of them smaller.`,
    );
  const set = readLabelled(file, { textColumn: textColumn || undefined, labelColumn: labelColumn || undefined });
  const distinct = distinctRows(set.rows);
  const train = 1 - validationPart - testPart;
  return {
    set,
    distinct,
    parts: splitRows(distinct.rows, { seed, name: file, balance, train, validation: validationPart }),
  };
}

/**
 * The rows that a classifier in a step folder was trained on, found again in their file; null where nothing tells them: no folder of
 * a run, another task, a file that is gone or has changed.
 * @param labels of the classifier
 */
export function rememberedTraining(
  dir: string,
  labels: readonly string[],
): { file: string; rows: readonly LabelledRow[] } | null {
  const name = `${dir}/training.json`;
  if (!existsSync(name)) return null;
  const { settings, random, dataHash } = parseTrainingState(readLimited(name, maxConfigBytes, diskLayer), name);
  const file = settings.get('data');
  if (settings.get('task') !== 'classify' || typeof file !== 'string' || !existsSync(file)) return null;
  if (hashOfFile(file) !== dataHash) return null;
  const { set, parts } = labelledParts(
    file,
    Object.fromEntries(settings) as unknown as PartSettings,
    Number(random.get('seed')),
  );
  return set.classes.join('\n') === labels.join('\n') ? { file, rows: parts.train } : null;
}
