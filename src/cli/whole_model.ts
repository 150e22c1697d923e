// A whole language model in a checkpoint on disk: written, and read back.
import type { Tokenizer } from '../data/tokenizer.ts';
import { keptModel } from '../train/checkpoint_files.ts';
import { loadWhole } from '../train/saved_weights.ts';
import type { Trainer } from '../train/trainer.ts';
import { weightsOnDisk } from './step_weights.ts';
import type { StoredModel } from './training_run.ts';

export function wholeModel(trainer: Trainer, tokenizer: Tokenizer): StoredModel {
  return { ...keptModel(trainer, tokenizer), load: (path) => loadWhole(trainer, weightsOnDisk(path)) };
}
