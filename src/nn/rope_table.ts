// The angles of rotary positions: made on the host in float64, because a shader's sine and cosine may be coarse and a large
// angle in f32 has lost its digits.
import { embedding } from '../ops/embedding.ts';
import { constant } from '../ops/op.ts';
import type { RopeTable } from '../ops/rope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { LayerSpec } from './decoder_config.ts';
import { ropeFrequencies } from './rope_config.ts';

/** Cosines and sines for these positions, rounded to f32.     (positions, frequencies) each */
export function ropeAngles(positions: ArrayLike<number>, frequencies: Float64Array) {
  const each = (f: (angle: number) => number) => {
    const values = new Float32Array(positions.length * frequencies.length);
    for (let t = 0; t < positions.length; t++)
      for (let i = 0; i < frequencies.length; i++)
        values[t * frequencies.length + i] = f(positions[t]! * frequencies[i]!);
    return values;
  };
  return { cosines: () => each(Math.cos), sines: () => each(Math.sin) };
}

/**
 * The angles of each layer's tokens, (T,headDim/2) or as `positions` are; layers of the same angles share a table.
 * @param rows positions 0 to rows-1, of which `positions`, i32 (T) or (B,T), takes some; by default all of them are the tokens'
 */
export function ropeTables(
  layers: readonly LayerSpec[],
  headDim: number,
  rows: number,
  positions: Tensor | undefined,
): RopeTable[] {
  const tables = new Map<string, RopeTable>();
  return layers.map(({ rope }) => {
    const name = JSON.stringify(rope);
    const table = tables.get(name) ?? ropeTable(ropeFrequencies(headDim, rope.theta, rope.scaling), rows, positions);
    tables.set(name, table);
    return table;
  });
}

function ropeTable(frequencies: Float64Array, rows: number, positions: Tensor | undefined): RopeTable {
  const all = ropeAngles(
    Array.from({ length: rows }, (_, t) => t),
    frequencies,
  );
  const table = {
    cosines: constant('cosines', [rows, frequencies.length], all.cosines),
    sines: constant('sines', [rows, frequencies.length], all.sines),
  };
  if (!positions) return table;
  return { cosines: embedding(table.cosines, positions), sines: embedding(table.sines, positions) };
}
