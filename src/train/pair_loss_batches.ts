// Batches over every pair once, for a mean loss.
import type { Batch } from '../autograd/machine.ts';
import { pairWidth } from '../data/bucket.ts';
import type { TaskRows } from '../tasks/rows.ts';
import { rowBatches } from './row_batches.ts';

/** Those of about one width go together; rows that only fill a batch up have no targets. @param rows as pairRows makes them */
export function* pairLossBatches(rows: TaskRows): Generator<Batch> {
  for (const { numbers, some } of rowBatches(rows.length, (i) => pairWidth(rows.lengthOf(i)))) {
    const batch = rows.batch(numbers);
    const { shape, data } = batch.targets!;
    data.fill(-100, some * shape[1]!);
    yield batch;
  }
}
