// Cases that no kernel computes: tables that are made on the host.
import { scalingOf } from '../../checkpoint/rope_config.ts';
import { ropeFrequencies } from '../../nn/rope_config.ts';
import { ropeAngles } from '../../nn/rope_table.ts';
import { sinusoids } from '../../nn/transformer_layers.ts';
import { type Fields, number } from './fields.ts';
import type { GoldenTensor } from './folder.ts';
import type { Result } from './verdict.ts';

type HostCase = (given: ReadonlyMap<string, GoldenTensor>, attrs: Fields) => Map<string, Result>;

/** What they give by golden names, by op. */
export const hostCases: ReadonlyMap<string, HostCase> = new Map<string, HostCase>([
  ['rope_table', ropeTable],
  ['sinusoidal', sinusoidal],
]);

/** Tables as wide as a head: its second half is its first again. */
function ropeTable(given: ReadonlyMap<string, GoldenTensor>, attrs: Fields): Map<string, Result> {
  const headDim = number(attrs, 'head_dim', 'attrs');
  const frequencies = ropeFrequencies(headDim, number(attrs, 'theta', 'attrs'), scalingOf(attrs, 'attrs'));
  const { cosines, sines } = ropeAngles(Array.from(given.get('positions')!.data, Number), frequencies);
  const half = headDim / 2;
  const twice = (table: Float32Array) =>
    Float32Array.from({ length: 2 * table.length }, (_, i) => table[Math.floor(i / headDim) * half + (i % half)]!);
  return new Map([
    ['inv_freq', Float32Array.from(frequencies)],
    ['cos', twice(cosines())],
    ['sin', twice(sines())],
  ]);
}

function sinusoidal(given: ReadonlyMap<string, GoldenTensor>, attrs: Fields): Map<string, Result> {
  const positions = Array.from(given.get('positions')!.data, Number);
  return new Map([['y', sinusoids(positions, number(attrs, 'dim', 'attrs'))]]);
}
