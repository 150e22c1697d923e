// What a classifier says of every row of a part.
import { InputError } from '../../errors.ts';
import type { Classifier } from '../../nn/classifier.ts';
import type { Device } from '../../runtime/device.ts';
import { likeliestLabel } from '../../tasks/classify.ts';
import type { TaskRows } from '../../tasks/rows.ts';
import type { Task } from '../../tasks/task.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { TaskModel } from './task.ts';

/** @returns the mean loss, and the number of the class that was said of each row in turn */
export async function measureClasses(
  device: Device,
  { model, evaluation }: TaskModel,
  rows: TaskRows,
  batch: number,
): Promise<{ loss: number; said: number[] }> {
  const task = evaluation as Task<never> as unknown as Task<Classifier>;
  const compiled = device.compile((values: Record<string, Tensor>) => {
    const { loss, kept, observed } = task.loss(model as Classifier, values);
    return { loss, kept, logits: observed!.logits! };
  });
  const order = Array.from({ length: rows.length }, (_, i) => i).sort((a, b) => rows.lengthOf(a) - rows.lengthOf(b));
  const said = new Array<number>(rows.length).fill(0);
  let [total, count] = [0, 0];
  try {
    for (let at = 0; at < order.length; at += batch) {
      const numbers = order.slice(at, at + batch);
      await compiled(rows.batch(numbers));
      for (const { values } of await compiled.collect()) {
        const logits = values.logits!;
        const classes = logits.length / numbers.length;
        for (const [i, number] of numbers.entries())
          said[number] = likeliestLabel(logits.subarray(i * classes, (i + 1) * classes));
        total += values.loss![0]! * values.kept![0]!;
        count += values.kept![0]!;
      }
    }
  } finally {
    compiled.release();
  }
  if (count === 0) throw new InputError('classify: found no rows with a class, expected some.');
  return { loss: total / count, said };
}
