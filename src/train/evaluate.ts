// The mean loss over many batches, each weighted by the targets it keeps.
import type { Batch, Compiled, Machine, Output } from '../autograd/machine.ts';
import { RunError } from '../errors.ts';
import type { Trainable } from '../nn/model.ts';
import { slotsFor } from '../runtime/results.ts';
import { MetricMeans, observedResults } from '../tasks/metrics.ts';
import type { Task } from '../tasks/task.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';

/** Replays queued before results are read. The ring of results holds 64. */
export const MAX_UNREAD = 32;
/** Results are waited for about this long (ms): whoever looks at the progress sees it move. */
const READ_EVERY = 250;

export interface Evaluation {
  /** nats a token */
  loss: number;
  /** targets that were predicted */
  tokens: number;
  /** Means over the rows of what the task tells of them. */
  metrics: Readonly<Record<string, number>>;
}

/** Replays that may wait unread where one gives these results. */
export function mayWait(outputs: Readonly<Record<string, Output>>): number {
  // As a plan lays them out.
  const bytes = Object.values(outputs).reduce((sum, { shape }) => sum + 16 * Math.ceil(sizeOf(shape) / 4), 0);
  return Math.min(MAX_UNREAD, slotsFor(bytes));
}

/**
 * Runs what lossOf() made, compiled, over batches; those of one shape share a plan. Ends early when `stop()` says so.
 * @param refuse is called, and throws, for the first batch whose loss is not finite
 * @param onTokens is told, now and then, how many targets have been predicted
 */
export async function meanLoss(
  compiled: Compiled,
  task: Pick<Task<never>, 'metrics'>,
  batches: Iterable<Batch>,
  refuse: (batch: Batch, loss: number) => Promise<never>,
  stop: () => boolean = () => false,
  onTokens: (tokens: number) => void = () => {},
): Promise<Evaluation> {
  let [total, tokens] = [0, 0];
  const metrics = new MetricMeans(task);
  let unread: Batch[] = [];
  let [together, most] = [1, MAX_UNREAD];
  const collect = async () => {
    const since = performance.now();
    for (const [i, { values }] of (await compiled.collect()).entries()) {
      const [loss, kept] = [values.loss![0]!, values.kept![0]!];
      if (!Number.isFinite(loss)) await refuse(unread[i]!, loss);
      total += loss * kept;
      tokens += kept;
      metrics.push(unread[i]!, values);
    }
    const waited = performance.now() - since;
    together = Math.min(most, Math.max(1, waited < READ_EVERY ? 2 * unread.length : unread.length >> 1));
    unread = [];
    onTokens(tokens);
  };
  for (const batch of batches) {
    most = Math.min(most, mayWait(await compiled(batch)));
    unread.push(batch);
    if (unread.length >= Math.min(together, most)) await collect();
    if (stop()) break;
  }
  await collect();
  return { loss: total / tokens, tokens, metrics: metrics.means() };
}

/** What meanLoss runs, as a function over a batch. */
export function lossOf<M extends Trainable>(model: M, task: Task<M>) {
  return (batch: Record<string, Tensor>) => {
    const found = task.loss(model, batch);
    return { loss: found.loss, kept: found.kept, ...observedResults(found) };
  };
}

/** The same for a model and a task, compiled for the occasion. @throws RunError at a loss that is not finite, naming the first kernel */
export async function evaluateBatches<M extends Trainable>(
  machine: Machine,
  model: M,
  task: Task<M>,
  batches: Iterable<Batch>,
  onTokens?: (tokens: number) => void,
): Promise<Evaluation> {
  const fn = lossOf(model, task);
  const compiled = machine.compile(fn);
  try {
    const refuse = async (batch: Batch, loss: number) => {
      const culprit = await whoMadeIt(machine, model.parameters, fn, [{ batch }]);
      throw new RunError(`evaluation: loss ${loss}, expected a finite number. ${culprit} Take an earlier checkpoint.`);
    };
    return await meanLoss(compiled, task, batches, refuse, undefined, onTokens);
  } finally {
    compiled.release();
  }
}
