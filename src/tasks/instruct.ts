// Examples with answers as rows of batches: one example a row, padded on the right, or several packed into one context.
import type { Batch } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import type { TokenRow } from '../data/instruct/encoded_rows.ts';
import { packs } from '../data/instruct/pack.ts';
import type { TaskRows } from './rows.ts';

export interface InstructRowsOptions {
  /** Tokens that the model sees at most. */
  readonly blockSize: number;
  /** Several examples stand in one row, none of which sees another. Default false. */
  readonly packing?: boolean;
  /** Stands where there is no token. Default 0. */
  readonly padId?: number;
}

export interface InstructRows extends TaskRows {
  /** Examples of row i, by their number; several where they are packed. */
  examplesOf(i: number): readonly number[];
}

/**
 * Batches as languageTask takes them: inputs (B,T), targets (B,T), -100 where the token that follows is not trained on. Packed ones have
 * positions (B,T), which begin at 0 with each example, and starts (B,T), the column where the example of a column begins; padding is
 * an example of its own in each column.
 */
export function instructRows(
  rows: readonly TokenRow[],
  { blockSize, packing = false, padId = 0 }: InstructRowsOptions,
): InstructRows {
  // The last token is only predicted.
  const width = ({ ids }: TokenRow) => ids.length - 1;
  const groups = packing ? packs(rows.map(width), blockSize) : rows.map((_, i) => [i]);
  const of = (i: number) => groups[i]!.map((row) => rows[row]!);
  const lengthOf = (i: number) => of(i).reduce((sum, row) => sum + width(row), 0);
  return {
    length: groups.length,
    lengthOf,
    examplesOf: (i) => groups[i]!,
    batch(numbers) {
      const T = Math.min(bucket(Math.max(...numbers.map(lengthOf))), blockSize);
      const shape = [numbers.length, T];
      const inputs = new Int32Array(numbers.length * T).fill(padId);
      const targets = new Int32Array(inputs.length).fill(-100);
      const positions = new Int32Array(inputs.length);
      const starts = Int32Array.from(inputs, (_, at) => at % T);
      numbers.forEach((number, b) => {
        let start = 0;
        for (const row of of(number)) {
          const n = width(row);
          for (let t = 0; t < n; t++) {
            const at = b * T + start + t;
            inputs[at] = row.ids[t]!;
            if (row.trained[t + 1]) targets[at] = row.ids[t + 1]!;
            positions[at] = t;
            starts[at] = start;
          }
          start += n;
        }
      });
      const batch: Batch = { inputs: { shape, data: inputs }, targets: { shape, data: targets } };
      if (!packing) return batch;
      return { ...batch, positions: { shape, data: positions }, starts: { shape, data: starts } };
    },
    shown(i) {
      const ids: number[] = [];
      const trained: boolean[] = [];
      for (const row of of(i))
        for (const [t, id] of row.ids.entries()) {
          ids.push(id);
          trained.push(row.trained[t] === 1);
        }
      const { length } = groups[i]!;
      return { ids, trained, ...(packing && { note: `${length} example${length === 1 ? '' : 's'}` }) };
    },
  };
}
