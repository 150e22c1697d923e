// The weights of a checkpoint, wherever it lies: on a disk, or in a page's memory.
import { averageName } from '../checkpoint/manifest.ts';
import { ADAPTER_NAME } from '../checkpoint/peft.ts';
import { type ByteSource, bytesSource } from '../checkpoint/safetensors.ts';
import { InputError } from '../errors.ts';
import type { Trainable } from '../nn/model.ts';
import { loadModel } from './snapshot.ts';
import type { Trainer } from './trainer.ts';

/** Files that are open until they are closed. */
export interface OpenedWeights {
  readonly sources: readonly ByteSource[];
  close(): void;
}

export interface SavedWeights {
  /** Weights of a whole model, or its averaged ones. @throws InputError where there are none */
  model(averaged: boolean): OpenedWeights;
  /** Those of an adapter, one source. @throws InputError where there is none */
  adapter(): OpenedWeights;
  /** Another file by its name, one source. @throws InputError where there is none */
  file(name: string): OpenedWeights;
}

/** The files of a checkpoint in memory, by their names in it. @param where for messages */
export function weightsInMemory(files: ReadonlyMap<string, Uint8Array>, where: string): SavedWeights {
  const file = (name: string): OpenedWeights => {
    const bytes = files.get(name);
    if (!bytes) throw new InputError(`${where}: found no ${name}, expected it in this checkpoint. Take another one.`);
    return { sources: [bytesSource(`${where}/${name}`, bytes)], close: () => {} };
  };
  return {
    model: (averaged) => file(averaged ? averageName : 'model.safetensors'),
    adapter: () => file(ADAPTER_NAME),
    file,
  };
}

/** A whole model's weights, the averaged ones too where there are some. @throws InputError as SavedWeights and loadModel */
export async function loadWhole(
  { machine, model, ema }: Pick<Trainer<never>, 'machine' | 'ema'> & { readonly model: Trainable },
  saved: SavedWeights,
): Promise<void> {
  const weights = saved.model(false);
  const averaged = ema && saved.model(true);
  try {
    await loadModel(machine, model, weights.sources);
    if (averaged) await loadModel(machine, model, averaged.sources, ema.weights);
  } finally {
    weights.close();
    averaged?.close();
  }
}
