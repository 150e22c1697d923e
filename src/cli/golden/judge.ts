// Comparing what a trace gives with its reference, and what storing values in f16 may add to the difference.
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { Tolerance } from './folder.ts';
import { compare, type Result, type Verdict } from './verdict.ts';

/**
 * In f16 a tolerance is derived, quantity by quantity, not chosen: the twin computes the same graph in float64 and rounds
 * to f16 whatever is stored as f16. How far it then is from the reference, at its farthest element, is what storage costs. A device
 * rounds in the same places, but values whose last f32 digits differ may be rounded the other way, and such errors go on through
 * the layers and the steps: its distance is another draw from what the twin's is drawn from, and of a quantity of few elements
 * two draws may differ by a small factor. So it may be so many times as far as the twin, besides what is allowed in f32.
 */
export const STORAGE_FACTOR = 3;

/** Keeps how far each quantity is from its reference; where such distances are known of the twin, it allows for them. */
export class Judge {
  readonly distances = new Map<string, number>();
  readonly #twin: ReadonlyMap<string, number>;

  /** @param twin distances of the twin that stores in f16; none in f32 */
  constructor(twin: ReadonlyMap<string, number> = new Map()) {
    this.#twin = twin;
  }

  /** As compare(). */
  compare(name: string, got: Result, expected: TensorArray, { atol, rtol }: Tolerance): Verdict {
    let distance = 0;
    for (let i = 0; i < got.length; i++) distance = Math.max(distance, Math.abs(got[i]! - Number(expected[i])));
    return compare(name, got, expected, { atol: atol + this.more(name, distance), rtol });
  }

  /** What a quantity at this distance may be away beyond its f32 tolerance. */
  more(name: string, distance: number): number {
    this.distances.set(name, distance);
    return STORAGE_FACTOR * (this.#twin.get(name) ?? 0);
  }
}
