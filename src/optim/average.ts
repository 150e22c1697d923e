// Averaged weights: a second set of a model's parameters that follows the trained one. compile(fn, { parameters: average.weights })
// runs the same function over them.
import { average } from '../ops/average.ts';
import { Tensor } from '../tensor/tensor.ts';

export class Average {
  readonly decay: number;
  /** Averaged weight by parameter. */
  readonly weights: ReadonlyMap<Tensor, Tensor>;
  /** Pairs of slabs of one layout. */
  readonly #slabs: readonly { p: Tensor; average: Tensor }[];

  /**
   * @param parameters with a place in a slab, as those of a model that an optimizer has been made for
   * @param decay share that a step leaves standing, such as 0.999; lower in the first steps, see ops/average.ts
   */
  constructor(parameters: readonly Tensor[], decay: number) {
    this.decay = decay;
    const slabs = [...new Set(parameters.map((p) => p.slab!))];
    this.#slabs = slabs.map((p) => ({ p, average: like(p, `average.${p.name}`) }));
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
    for (const slabs of this.#slabs) average({ ...slabs, gate, control }, { decay: this.decay });
  }

  /** What a device holds for the average: release() it there. */
  tensors(): Tensor[] {
    return this.#slabs.map((s) => s.average);
  }
}

/** Starts from the same values. */
function like(p: Tensor, name: string): Tensor {
  const { shape, pieceOf } = p;
  return new Tensor({ kind: 'state', shape, name, memoryClass: 'average', pieceOf, init: () => p.firstValues()! });
}
