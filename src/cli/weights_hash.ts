// The files of a model's weights by their hash: what a run remembers of the model that it began from.
import { createHash } from 'node:crypto';
import { diskLayer } from '../checkpoint/files.ts';
import { type ModelFolder, openModelFolder, readLimited } from '../checkpoint/model_folder.ts';
import { parseTrainingState } from '../checkpoint/training_state.ts';
import type { Output } from './output.ts';

const CHUNK = 2 ** 22;
/** Of a training.json. */
const MOST_STATE = 2 ** 24;

/** SHA-256 of the file of the weights, or of its shards one behind the other, hex. */
export async function hashOfWeights({ sources }: ModelFolder): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources)
    for (let at = 0; at < source.size; at += CHUNK)
      hash.update(await source.read(at, Math.min(CHUNK, source.size - at)));
  return hash.digest('hex');
}

/**
 * Warns where an adapter of a run was trained over other weights than those that it is put onto.
 * @param adapter folder of the adapter; one that no run of ours has written says nothing of its base
 * @param base folder of the model   @throws InputError as openModelFolder, and for a damaged training.json
 */
export async function warnOfOtherBase(adapter: string, base: string, out: Output): Promise<void> {
  const file = `${adapter}/training.json`;
  if (diskLayer.stat(file) === null) return;
  const { settings } = parseTrainingState(readLimited(file, MOST_STATE, diskLayer), file);
  const trained = settings.get('modelHash');
  if (typeof trained !== 'string') return;
  const folder = openModelFolder(base, { averaged: settings.get('weights') === 'ema' });
  try {
    const found = await hashOfWeights(folder);
    if (found !== trained)
      out.warn(
        `${adapter}: trained over weights with SHA-256 ${trained.slice(0, 12)}, and those in ${base} have ${found.slice(0, 12)}: it was made for another model`,
      );
  } finally {
    folder.close();
  }
}
