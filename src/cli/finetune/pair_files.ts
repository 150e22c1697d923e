// The files of pairs that a run learns from and is measured on: as they were typed, or where a saved run found them.
import { createHash } from 'node:crypto';
import type { PairFiles } from '../../data/pairs/read_pairs.ts';
import { InputError } from '../../errors.ts';
import { runName } from '../../train/run_name.ts';
import { hashOfFile } from './data_file.ts';
import type { TaskRequest } from './task.ts';

/** Files without the columns in them. */
type Files = Pick<PairFiles, 'data' | 'source' | 'target'>;

export interface ChosenPairs {
  readonly train: Files;
  /** null: a share of the pairs is kept back. */
  readonly validation: Files | null;
}

/** @throws InputError for none, for several, and for one side without the other */
export function chosenPairs({
  flags,
  resumed,
  settings: { task },
  context,
}: Pick<TaskRequest, 'context' | 'flags' | 'settings'> & Partial<Pick<TaskRequest, 'resumed'>>): ChosenPairs {
  const [data, second] = flags.data;
  if (second !== undefined)
    throw new InputError(
      `--data: found ${flags.data.length} files, expected one for --task ${task}. Put their rows into one file.`,
    );
  const { source, target, validationData, validationSource, validationTarget } = flags;
  const typed = [data, source, target, validationData, validationSource, validationTarget];
  const saved = resumed?.state.settings.get('data');
  if (typed.every((file) => file === undefined) && typeof saved === 'string') return rememberedPairs(saved);
  if (data === undefined && source === undefined && target === undefined)
    throw new InputError(
      `--data: found nothing, expected a file of pairs for --task ${task}. For example: --data pairs.tsv, or --source a.en --target a.de`,
    );
  const validation = { data: validationData, source: validationSource, target: validationTarget };
  const sides = [validationSource, validationTarget].filter((file) => file !== undefined).length;
  if (sides === 1)
    throw new InputError(
      validationSource === undefined
        ? '--validation-target: found without --validation-source, expected both: two files whose lines belong together. Name the other.'
        : '--validation-source: found without --validation-target, expected both: two files whose lines belong together. Name the other.',
    );
  if (validationData !== undefined && sides === 2)
    throw new InputError(
      '--validation-data: found beside --validation-source and --validation-target, expected a table or two files. Leave one out.',
    );
  if (context.given.has('validationPart') && (validationData !== undefined || sides === 2))
    throw new InputError(
      '--validation-part: found beside files to validate on, expected one of the two: a share of the pairs, or pairs of their own.',
    );
  return {
    train: { data, source, target },
    validation: validationData === undefined && sides === 0 ? null : validation,
  };
}

/** What a checkpoint keeps of the files. */
export function pairsText({ train, validation }: ChosenPairs): string {
  if (train.data !== undefined && validation === null) return train.data;
  return JSON.stringify({ train, validation });
}

/** What pairsText has kept. */
export function rememberedPairs(text: string): ChosenPairs {
  if (!text.startsWith('{')) return { train: { data: text }, validation: null };
  const { train, validation } = JSON.parse(text) as ChosenPairs;
  return { train, validation };
}

/** What the run is called. */
export function pairsName({ train: { data, source } }: ChosenPairs): string {
  return runName((data ?? source)!);
}

/** SHA-256, hex, over all files one behind the other. */
export function hashOfPairs({ train, validation }: ChosenPairs): string {
  const files = [train, validation ?? {}].flatMap(({ data, source, target }: Files) => [data, source, target]);
  const hashes = files.flatMap((file) => (file === undefined ? [] : hashOfFile(file)));
  return hashes.length === 1 ? hashes[0]! : createHash('sha256').update(hashes.join('\n')).digest('hex');
}
