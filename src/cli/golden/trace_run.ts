// What the parts of a trace share: the machine, the folder, the model, and loading a file of weights into it.
import type { Machine } from '../../autograd/machine.ts';
import type { LanguageModel, Trainable } from '../../nn/model.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { loadModel } from '../../train/snapshot.ts';
import type { GoldenFolder, TraceCase } from './folder.ts';
import type { Judge } from './judge.ts';

/** A trace, and where it is run. */
export interface TraceParts {
  machine: Machine;
  folder: GoldenFolder;
  trace: TraceCase;
  /** Of values between layers. */
  dtype: Precision;
  judge: Judge;
}

/** A trace and the model that it is about. */
export interface TraceRun<M extends Trainable = LanguageModel> extends TraceParts {
  model: M;
}

/** Reads a file of the trace into the machine. @throws InputError naming what does not fit the model */
export async function load({ machine, folder, trace, model }: TraceRun<Trainable>, file: string): Promise<void> {
  await loadModel(machine, model, [await folder.weights(`${trace.dir}/${file}`)]);
}
