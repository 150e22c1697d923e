// One course of training over rows, as the recipes do it: batches of about one length, at a rate that rises in the first twentieth of
// the steps and falls to zero.
import type { Batch } from '../../src/autograd/machine.ts';
import { RowSampler } from '../../src/data/row_sampler.ts';
import type { Trainable } from '../../src/nn/model.ts';
import { AdamW } from '../../src/optim/adamw.ts';
import { learningRateAt } from '../../src/optim/schedule.ts';
import type { Device } from '../../src/runtime/device.ts';
import type { TaskRows } from '../../src/tasks/rows.ts';
import type { Task } from '../../src/tasks/task.ts';
import { Trainer } from '../../src/train/trainer.ts';

export interface Course {
  epochs: number;
  /** Rows a step. */
  batch: number;
  /** The highest. */
  learningRate: number;
}

/** What is trained on in place of a batch. @param lengths of its rows   @param pass how many batches came before */
export type Read = (batch: Batch, lengths: readonly number[], pass: number) => Batch;

export interface Learner<M extends Trainable> {
  device: Device;
  model: M;
  task: Task<M>;
  seed: number;
  read?: Read;
  /** Is told of each step, from 1, when it is done. */
  told?: (step: number, loss: number) => void;
}

export interface Taught<M extends Trainable> {
  /** Holds the model on the device, and what trained it, until it is released. */
  trainer: Trainer<M>;
  steps: number;
  /** The mean of the last tenth of the steps. */
  loss: number;
}

/** The model goes on from what the device holds of it. */
export async function teach<M extends Trainable>(
  { device, model, task, seed, read = (batch) => batch, told }: Learner<M>,
  rows: TaskRows,
  { epochs, batch, learningRate }: Course,
): Promise<Taught<M>> {
  const lengths = Array.from({ length: rows.length }, (_, i) => rows.lengthOf(i));
  const sampler = new RowSampler({ rows: rows.length, batch, seed, lengths });
  const maxSteps = sampler.stepsOf(epochs);
  const warmupSteps = Math.floor(maxSteps / 20);
  const schedule = { schedule: 'linear', learningRate, minLearningRate: 0, warmupSteps, maxSteps } as const;
  const optimizer = new AdamW(model.parameters, { gradClip: 1 });
  const trainer = new Trainer<M>({ machine: device, model, optimizer, task });
  const losses: number[] = [];
  const next = (step: number) => {
    const chosen = sampler.next();
    const chosenLengths = chosen.map((i) => lengths[i]!);
    const batches = [read(rows.batch(chosen), chosenLengths, step - 1)];
    return { batches, learningRate: learningRateAt(step - 1, schedule) };
  };
  for await (const { step, loss } of trainer.advance(maxSteps, next)) {
    losses.push(loss);
    told?.(step, loss);
  }
  const last = losses.slice(-Math.ceil(maxSteps / 10));
  return { trainer, steps: maxSteps, loss: last.reduce((sum, loss) => sum + loss, 0) / last.length };
}
