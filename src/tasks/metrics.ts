// Means of what a task tells of its rows, over as many batches as there are.
import type { Batch } from '../autograd/machine.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';
import type { Observed, Task, TaskLoss } from './task.ts';

const PREFIX = 'observed.';

/** What a task observes as results of a compiled function. */
export function observedResults({ observed = {} }: TaskLoss): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(observed).map(([name, value]) => [PREFIX + name, value]));
}

/** Adds up the figures of rows by name. */
export class MetricMeans {
  #metrics: Pick<Task<never>, 'metrics'>['metrics'];
  #sums = new Map<string, { sum: number; rows: number }>();

  constructor({ metrics }: Pick<Task<never>, 'metrics'>) {
    this.#metrics = metrics;
  }

  /** @param values all results of the batch, those of observedResults() among them */
  push(batch: Batch, values: Readonly<Record<string, HostArray>>): void {
    if (!this.#metrics) return;
    const observed: Record<string, HostArray> = {};
    for (const [name, value] of Object.entries(values))
      if (name.startsWith(PREFIX)) observed[name.slice(PREFIX.length)] = value;
    for (const [name, figures] of Object.entries(this.#metrics(batch, observed as Observed))) {
      const mean = this.#sums.get(name) ?? { sum: 0, rows: 0 };
      for (const figure of figures) mean.sum += figure;
      mean.rows += figures.length;
      this.#sums.set(name, mean);
    }
  }

  /** By name; none of a figure that no row had. */
  means(): Record<string, number> {
    return Object.fromEntries(
      [...this.#sums].filter(([, { rows }]) => rows > 0).map(([name, { sum, rows }]) => [name, sum / rows]),
    );
  }
}
