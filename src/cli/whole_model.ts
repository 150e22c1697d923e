// A whole language model in a checkpoint: written, and read back.
import { openModelFolder } from '../checkpoint/model_folder.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { keptModel } from '../train/checkpoint_files.ts';
import { loadModel } from '../train/snapshot.ts';
import type { Trainer } from '../train/trainer.ts';
import type { RunModel } from './training_run.ts';

export function wholeModel(trainer: Trainer, tokenizer: Tokenizer): RunModel {
  return { ...keptModel(trainer, tokenizer), load: (path) => loadWhole(trainer, path) };
}

/** Weights from a step folder, the averaged ones too. @throws InputError as openModelFolder and loadModel */
export async function loadWhole(
  {
    machine,
    model,
    ema,
  }: Pick<Trainer<never>, 'machine' | 'ema'> & { readonly model: Parameters<typeof loadModel>[1] },
  path: string,
): Promise<void> {
  const folder = openModelFolder(path);
  const averaged = ema && openModelFolder(path, { averaged: true });
  try {
    await loadModel(machine, model, folder.sources);
    if (averaged) await loadModel(machine, model, averaged.sources, ema.weights);
  } finally {
    folder.close();
    averaged?.close();
  }
}
