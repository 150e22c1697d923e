// Runs a sample of an op on a machine: its outputs, and the gradients of all its real inputs for a fixed upstream gradient.
import { backward } from '../../src/autograd/backward.ts';
import type { Batch, Machine, Scalars } from '../../src/autograd/machine.ts';
import { add } from '../../src/ops/add.ts';
import { mul } from '../../src/ops/mul.ts';
import { constant } from '../../src/ops/op.ts';
import { sum } from '../../src/ops/sum.ts';
import type { Twin, TwinOutput } from '../../src/reference/twin.ts';
import { normal } from '../../src/tensor/random.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

export type Named = Record<string, Tensor>;

export interface Sample {
  name: string;
  /** Shapes of inputs that get gradients, or their values. Given shapes are filled with normal deviates. */
  real: Readonly<Record<string, Shape | { shape: Shape; values: Float32Array }>>;
  /** Whole numbers: ids, targets, masks. */
  whole?: Readonly<Record<string, { shape: Shape; values: readonly number[] }>>;
  build(inputs: Named): Tensor | Named;
  scalars?: Scalars;
  /** Instead of the row's. */
  tolerance?: number;
  /** The op has no derivative. */
  forwardOnly?: true;
  /** Too steep, too kinked or too large for finite differences. */
  notSmooth?: true;
}

/** A sample as tensors: the same descriptions serve every machine. */
export interface Prepared {
  parameters: ReadonlyMap<string, Tensor>;
  batch: Batch;
  scalars: Scalars;
  fn(inputs: Named): Named;
}

export function prepare(sample: Sample, poison?: number): Prepared {
  const parameters = new Map<string, Tensor>();
  for (const [name, given] of Object.entries(sample.real)) {
    const { shape, values: fixed } = 'shape' in given ? given : { shape: given, values: null };
    const stream = parameters.size;
    const init = () => {
      const values = fixed?.slice() ?? normal(sizeOf(shape), 1, 7, stream);
      if (poison !== undefined && stream === 0) values[values.length >> 1] = poison;
      return values;
    };
    parameters.set(name, new Tensor({ kind: 'parameter', name, shape, init }));
  }
  const whole = Object.entries(sample.whole ?? {});
  const batch = Object.fromEntries(
    whole.map(([name, { shape, values }]) => [name, { shape, data: Int32Array.from(values) }]),
  );
  return {
    parameters,
    batch,
    scalars: sample.scalars ?? {},
    fn: (inputs) => {
      const built = sample.build({ ...Object.fromEntries(parameters), ...inputs });
      const outputs = built instanceof Tensor ? { y: built } : built;
      if (sample.forwardOnly) return outputs;
      const total = Object.entries(outputs)
        .map(([name, y], i) =>
          sum(
            mul(
              y,
              constant(`d${name}`, y.shape, () => normal(y.size, 1, 8, i)),
            ),
          ),
        )
        .reduce(add);
      const gradients = backward(total);
      const named = [...parameters].flatMap(([name, p]) => (gradients.has(p) ? [[`d${name}`, gradients.get(p)!]] : []));
      return { ...outputs, total, ...Object.fromEntries(named) };
    },
  };
}

export type Results = Map<string, ArrayLike<number>>;

/** Results of the last of `replays` runs: without rounding where the machine can give them so. */
export async function run(machine: Machine, prepared: Prepared, replays = 1): Promise<Results> {
  const compiled = machine.compile(prepared.fn);
  try {
    for (let i = 1; i < replays; i++) await compiled(prepared.batch, prepared.scalars);
    const results: Results = new Map();
    for (const [name, output] of Object.entries(await compiled(prepared.batch, prepared.scalars))) {
      results.set(name, 'exact' in output ? (output as TwinOutput).exact : await output.read());
    }
    return results;
  } finally {
    compiled.release();
  }
}

/**
 * Central differences of the loss in float64 against the analytic gradient, at a few elements of every input.
 * @returns the largest difference, relative to the largest gradient of the same tensor
 */
export async function gradientError(twin: Twin, prepared: Prepared, step = 1e-5): Promise<number> {
  const compiled = twin.compile(prepared.fn);
  const analytic = await compiled(prepared.batch, prepared.scalars);
  let worst = 0;
  for (const [name, parameter] of prepared.parameters) {
    const gradient = analytic[`d${name}`]!.exact as Float64Array;
    const scale = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-3);
    const values = twin.exact(parameter) as Float64Array;
    const lossAt = async (index: number, value: number) => {
      const moved = values.slice();
      moved[index] = value;
      twin.write(parameter, moved);
      return (await compiled(prepared.batch, prepared.scalars)).total!.exact[0]!;
    };
    for (let k = 0; k < 4; k++) {
      const index = Math.floor((k * values.length) / 4);
      const [above, below] = [values[index]! + step, values[index]! - step];
      const slope = ((await lossAt(index, above)) - (await lossAt(index, below))) / (above - below);
      worst = Math.max(worst, Math.abs(slope - gradient[index]!) / scale);
    }
    twin.write(parameter, values);
  }
  return worst;
}
