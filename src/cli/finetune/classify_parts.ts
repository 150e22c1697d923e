// The rows of a classifier's run in their parts, from their file, and those of a run that is over.
import { existsSync } from 'node:fs';
import { diskLayer } from '../../checkpoint/files.ts';
import { maxConfigBytes, readLimited } from '../../checkpoint/model_folder.ts';
import { parseTrainingState } from '../../checkpoint/training_state.ts';
import { readLabelled } from '../../data/labelled.ts';
import type { LabelledRow } from '../../data/labelled_rows.ts';
import { type LabelledParts, type PartSettings, partsOf } from '../../finetune/labelled_parts.ts';
import { hashOfFile } from './data_file.ts';

/** @throws InputError as readLabelled and splitRows, and for parts that leave nothing to train on */
export function labelledParts(file: string, settings: PartSettings, seed: number): LabelledParts {
  return partsOf((columns) => readLabelled(file, columns), settings, seed);
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
