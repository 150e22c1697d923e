// How fast the angles of rotary positions turn. Plain numbers: the model is made with them, and files for other tools state them.
import type { RopeScaling } from './decoder_config.ts';

/**
 * Radians a position of each of the headDim / 2 pairs: theta^(-2i / headDim), scaled.
 * linear divides all by the factor. llama3 divides those whose waves are longer than originalBlockSize / lowFreqFactor, leaves
 * those shorter than originalBlockSize / highFreqFactor, and goes over smoothly between the two.
 * Source: Su et al. 2021 (arXiv:2104.09864), section 3.3; Chen et al. 2023 (arXiv:2306.15595); Llama 3.1 as transformers'
 * modeling_rope_utils.py computes it.
 */
export function ropeFrequencies(headDim: number, theta: number, scaling: RopeScaling | null = null): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  if (!scaling) return plain;
  const { factor } = scaling;
  if (scaling.type === 'linear') return plain.map((f) => f / factor);
  const { lowFreqFactor: low, highFreqFactor: high, originalBlockSize } = scaling;
  return plain.map((f) => {
    const waves = (originalBlockSize * f) / (2 * Math.PI);
    const kept = Math.min(1, Math.max(0, (waves - low) / (high - low)));
    return (1 - kept) * (f / factor) + kept * f;
  });
}
