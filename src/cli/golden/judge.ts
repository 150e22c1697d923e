// Comparing what a trace gives with its reference, and what storing values in f16 may add to the difference.
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { Tolerance } from './folder.ts';
import { compare, type Result, type Verdict } from './verdict.ts';

/**
 * In f16 a tolerance is derived, quantity by quantity, not chosen: the twin computes the same graph in float64 and rounds
 * to f16 whatever the graph stores as f16. How far it then is from the reference, at its farthest element, is what storage costs.
 * A device does not round in the same places: attention keeps scratch in f16, such as the probabilities and the gradients of the
 * scores, which the twin never rounds, and values whose last f32 digits differ may be rounded the other way. So its distance is
 * another draw from much the same errors: the largest ratio of the two that was measured, over all quantities of GPT-2 and Llama, is
 * 1.54. Twice that, rounded down, is allowed, besides what is allowed in f32.
 */
export const STORAGE_FACTOR = 3;

/** A rounding to the 11 bits of f16, at most, relative. */
const ROUNDING = 2 ** -11;

/**
 * What storage may cost the twin itself, relative to the quantity: a mistake in the graph moves twin and device alike, and must not
 * widen its own tolerance. The traces have two blocks, where a value has some twenty roundings behind it at the loss and forty at the
 * first gradient, so an element is off by about the square root of that many.
 * - The loss is a mean over all positions, where these average out: less than one rounding (measured: 0.15).
 * - The norm averages over all parameters, but what many positions share stays: four roundings (measured: 1.1).
 * - AdamW divides a gradient by its size, so elements count alike that are small because their terms cancel, and these have lost
 *   most: 32 roundings, 1.6 % of the update (measured: 12). A term left out, or a factor, costs tens of percent.
 */
export const MOST_STORAGE = { loss: ROUNDING, grad_norm: 4 * ROUNDING, final: 32 * ROUNDING } as const;

/** Keeps how far each quantity is from its reference; where such distances are known of the twin, it allows for them. */
export class Judge {
  readonly distances = new Map<string, number>();
  /** Of the quantities that have a ceiling: the distance in units of it. */
  readonly #ceilings: Verdict[] = [];
  readonly #twin: ReadonlyMap<string, number>;

  /** @param twin distances of the twin that stores in f16; none in f32 */
  constructor(twin: ReadonlyMap<string, number> = new Map()) {
    this.#twin = twin;
  }

  /** As compare(). */
  compare(name: string, got: Result, expected: TensorArray, { atol, rtol }: Tolerance): Verdict {
    let [distance, size] = [0, 0];
    for (let i = 0; i < got.length; i++) {
      distance = Math.max(distance, Math.abs(got[i]! - Number(expected[i])));
      size = Math.max(size, Math.abs(Number(expected[i])));
    }
    return compare(name, got, expected, { atol: atol + this.more(name, distance, size), rtol });
  }

  /** What a quantity at this distance may be away beyond its f32 tolerance. @param size of the quantity itself */
  more(name: string, distance: number, size: number): number {
    this.distances.set(name, distance);
    const most = MOST_STORAGE[name.split(' ', 1)[0] as keyof typeof MOST_STORAGE] as number | undefined;
    if (most !== undefined) {
      const detail = `${name}: in f16 the twin itself is off by ${distance}, allowed ${most * size}`;
      this.#ceilings.push({ worst: distance === 0 ? 0 : distance / (most * size), detail });
    }
    return STORAGE_FACTOR * (this.#twin.get(name) ?? 0);
  }

  /** Whether what was compared, on the twin, is as near as storage alone lets it be. */
  ceilings(): readonly Verdict[] {
    return this.#ceilings;
  }
}
