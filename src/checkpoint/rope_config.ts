// How config.json says by which angles positions are turned: `rope_theta` with `rope_scaling`, or `rope_parameters` for both, which
// transformers writes since its version 5.
import type { RopeScaling } from '../nn/decoder_config.ts';
import { correct } from './config_keys.ts';
import { finiteNumber, misfit, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';

export interface Rope {
  theta: number;
  scaling: RopeScaling | null;
}

/** `rope_scaling` of a configuration; null where nothing is scaled. @throws InputError */
export function scalingOf(fields: JsonObject, where: string): RopeScaling | null {
  return ropeOf(fields, 'rope_scaling', 0, where).scaling;
}

/**
 * The object or null under a key: how angles are scaled, and perhaps their base.
 * @param theta the base where the object does not say it     @throws InputError
 */
export function ropeOf(fields: JsonObject, key: string, theta: number, where: string): Rope {
  const value = fields.get(key) ?? null;
  if (value === null) return { theta, scaling: null };
  if (!(value instanceof Map)) throw misfit(where, key, value, 'an object or null', correct);
  const at = `${where}: ${key}`;
  const partial = value.get('partial_rotary_factor') ?? 1;
  if (partial !== 1)
    throw misfit(at, 'partial_rotary_factor', partial, '1; nothing else is supported', 'Take another model.');
  return {
    theta: value.has('rope_theta') ? finiteNumber(value, 'rope_theta', at, 1, 1e12) : theta,
    scaling: scalingIn(value, at),
  };
}

function scalingIn(value: JsonObject, at: string): RopeScaling | null {
  // Files from before transformers 4.43 say `type`.
  const type = value.get('rope_type') ?? value.get('type');
  const factor = () => finiteNumber(value, 'factor', at, 1, 1e6);
  if (type === 'default') return null;
  if (type === 'linear') return { type, factor: factor() };
  if (type !== 'llama3')
    throw misfit(at, 'rope_type', type, 'default, linear or llama3; nothing else is supported', 'Take another model.');
  const [lowFreqFactor, highFreqFactor] = ['low_freq_factor', 'high_freq_factor'].map((key) =>
    finiteNumber(value, key, at, 1e-6, 1e6),
  ) as [number, number];
  if (lowFreqFactor >= highFreqFactor)
    throw misfit(at, 'low_freq_factor', lowFreqFactor, `less than high_freq_factor ${highFreqFactor}`, correct);
  const originalBlockSize = wholeNumber(value, 'original_max_position_embeddings', at, 1);
  return { type, factor: factor(), lowFreqFactor, highFreqFactor, originalBlockSize };
}

/** As `rope_scaling` says it. */
export function scalingFields(scaling: RopeScaling | null): Record<string, number | string> | null {
  if (!scaling) return null;
  const { type, factor } = scaling;
  if (type === 'linear') return { rope_type: type, factor };
  return {
    rope_type: type,
    factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalBlockSize,
  };
}
