// Averaged weights: a second set of a model's parameters that follows the trained one. compile(fn, { parameters: ema.weights })
// runs the same function over them.
import { InputError } from '../errors.ts';
import { ema } from '../ops/ema.ts';
import { Tensor } from '../tensor/tensor.ts';

export class Ema {
  readonly decay: number;
  /** Averaged weight by parameter. */
  readonly weights: ReadonlyMap<Tensor, Tensor>;
  /** Pairs of slabs of one layout. */
  readonly #slabs: readonly { p: Tensor; average: Tensor }[];

  /**
   * @param parameters of a model, each with its place in a slab
   * @param decay share that a step leaves standing, such as 0.999; lower in the first steps, see ops/ema.ts
   * @throws InputError for a parameter without a slab
   */
  constructor(parameters: readonly Tensor[], decay: number) {
    this.decay = decay;
    const loose = parameters.find((p) => !p.slab);
    if (loose)
      throw new InputError(`Ema: ${loose} lies in no slab, expected a model's parameter. Take model.parameters.`);
    const slabs = [...new Set(parameters.map((p) => p.slab!))];
    this.#slabs = slabs.map((p) => ({ p, average: like(p, `ema.${p.name}`) }));
    this.weights = new Map(
      parameters.map((p) => {
        const own = like(p, p.name);
        own.slab = this.#slabs.find((s) => s.p === p.slab)!.average;
        own.slabOffset = p.slabOffset;
        return [p, own];
      }),
    );
  }

  /** Appends one move towards the parameters, where the gate lets the step pass. */
  follow(gate: Tensor, control: Tensor): void {
    for (const slabs of this.#slabs) ema({ ...slabs, gate, control }, { decay: this.decay });
  }

  /** What a device holds for the average: release() it there. */
  tensors(): Tensor[] {
    return this.#slabs.map((s) => s.average);
  }
}

/** Starts from the same values. */
function like(p: Tensor, name: string): Tensor {
  const { shape, pieceOf } = p;
  return new Tensor({ kind: 'state', shape, name, memoryClass: 'ema', pieceOf, init: () => p.firstValues()! });
}
