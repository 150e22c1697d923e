// Pairs of texts as rows of batches: a source with its end, a target between its beginning and its end, both padded on the right.
import type { Batch } from '../autograd/machine.ts';
import { pairWidths } from '../data/bucket.ts';
import type { EncoderDecoderConfig } from '../nn/transformer_config.ts';
import type { TaskRows } from './rows.ts';

/** A pair in tokens, without beginnings and ends. */
export interface IdPair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Rows as translateTask takes them. Source and target of a batch are as wide as the longest of each asks for: see pairWidths. */
export function pairRows(
  rows: readonly IdPair[],
  { blockSize, padId, bosId, eosId }: Pick<EncoderDecoderConfig, 'blockSize' | 'padId' | 'bosId' | 'eosId'>,
): TaskRows {
  const sourceWidth = ({ source }: IdPair) => source.length + 1;
  const targetWidth = ({ target }: IdPair) => target.length + 1;
  const widest = (own: readonly IdPair[], width: (row: IdPair) => number) => Math.max(...own.map(width));
  return {
    length: rows.length,
    lengthOf: (i) => Math.max(sourceWidth(rows[i]!), targetWidth(rows[i]!)),
    batch(numbers): Batch {
      const own = numbers.map((i) => rows[i]!);
      const B = own.length;
      const widths = pairWidths(widest(own, sourceWidth), widest(own, targetWidth));
      const [S, T] = widths.map((width) => Math.min(blockSize, width)) as [number, number];
      const source = new Int32Array(B * S).fill(padId);
      const sourceMask = new Float32Array(B * S);
      const inputs = new Int32Array(B * T).fill(padId);
      const targets = new Int32Array(B * T).fill(-100);
      own.forEach((row, b) => {
        source.set([...Array.from(row.source), eosId], b * S);
        sourceMask.fill(1, b * S, b * S + sourceWidth(row));
        inputs.set([bosId, ...Array.from(row.target)], b * T);
        targets.set([...Array.from(row.target), eosId], b * T);
      });
      return {
        source: { shape: [B, S], data: source },
        sourceMask: { shape: [B, S], data: sourceMask },
        inputs: { shape: [B, T], data: inputs },
        targets: { shape: [B, T], data: targets },
      };
    },
    shown(i) {
      const { source, target } = rows[i]!;
      const ids = [...Array.from(source), eosId, ...Array.from(target), eosId];
      return { ids, trained: ids.map((_, t) => t > source.length), source: source.length + 1 };
    },
  };
}
