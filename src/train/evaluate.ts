// The mean loss over many batches, each weighted by the targets it keeps.
import type { Batch, Compiled, Machine } from '../autograd/machine.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Task } from '../tasks/task.ts';

/** Batches queued before results are read. The ring of results holds 64. */
const MAX_UNREAD = 32;

export interface Evaluation {
  /** nats a token */
  loss: number;
  /** targets that were predicted */
  tokens: number;
}

/** Runs a compiled loss ({ loss, kept }) over batches; those of one shape share a plan. Ends early when `stop()` says so. */
export async function meanLoss(
  compiled: Compiled,
  batches: Iterable<Batch>,
  stop: () => boolean = () => false,
): Promise<Evaluation> {
  let [total, tokens, unread] = [0, 0, 0];
  const collect = async () => {
    for (const { values } of await compiled.collect()) {
      total += values.loss![0]! * values.kept![0]!;
      tokens += values.kept![0]!;
    }
    unread = 0;
  };
  for (const batch of batches) {
    await compiled(batch);
    if (++unread >= MAX_UNREAD) await collect();
    if (stop()) break;
  }
  await collect();
  return { loss: total / tokens, tokens };
}

/** The same for a model and a task, compiled for the occasion. */
export async function evaluateBatches(
  machine: Machine,
  model: LanguageModel,
  task: Task,
  batches: Iterable<Batch>,
): Promise<Evaluation> {
  const compiled = machine.compile((batch) => task.loss(model, batch));
  try {
    return await meanLoss(compiled, batches);
  } finally {
    compiled.release();
  }
}
