// Running one case of a differentiable op: forward, and the gradients of sum(output * its upstream gradient).
import { backward } from '../../autograd/backward.ts';
import type { Batch, HostTensor, Machine } from '../../autograd/machine.ts';
import { add } from '../../ops/add.ts';
import { mul } from '../../ops/mul.ts';
import { sum } from '../../ops/sum.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { GoldenTensor, KernelCase } from './folder.ts';
import type { DifferentiableOp } from './kernel_ops.ts';
import type { Result } from './verdict.ts';

/** @returns every output and every gradient of an input, by golden name: y, dx, .. */
export async function runDifferentiable(
  machine: Machine,
  { attrs, inputs, gradOutputs, gradInputs }: KernelCase,
  given: ReadonlyMap<string, GoldenTensor>,
  op: DifferentiableOp,
): Promise<Map<string, Result>> {
  const parameters: Record<string, Tensor> = {};
  const batch: Record<string, HostTensor> = {};
  for (const name of inputs) {
    const { shape, data } = given.get(name)!;
    const real = data instanceof Float32Array || data instanceof Float64Array;
    if (real) parameters[name] = parameter(name, shape, Float32Array.from(data));
    else batch[name] = { shape: [...shape], data: Int32Array.from(data as Int32Array, Number) };
  }
  for (const name of gradOutputs) batch[name] = upstream(given.get(name)!);

  const compiled = machine.compile((tensors) => {
    const outputs = op.forward({ ...parameters, ...tensors }, attrs);
    const seeded = Object.entries(outputs).filter(([name]) => tensors[`d${name}`]);
    if (seeded.length === 0) return outputs;
    const loss = seeded.map(([name, y]) => sum(mul(y, tensors[`d${name}`]!))).reduce(add);
    const gradients = backward(loss);
    const named = gradInputs.map((gradient) => [gradient, gradients.get(parameters[gradient.slice(1)]!)!] as const);
    return { ...outputs, ...Object.fromEntries(named.filter(([, t]) => t)) };
  });
  try {
    return await readAll(await compiled(batch as Batch));
  } finally {
    compiled.release();
    machine.release(Object.values(parameters));
  }
}

export async function readAll(
  outputs: Readonly<Record<string, { read(): Promise<Result> }>>,
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  for (const [name, output] of Object.entries(outputs)) results.set(name, await output.read());
  return results;
}

export function parameter(name: string, shape: readonly number[], data: Float32Array): Tensor {
  return new Tensor({ kind: 'parameter', name, shape, init: () => data });
}

/** A scalar is stored with shape [] and multiplied with a result of shape (1). */
function upstream({ shape, data }: GoldenTensor): HostTensor {
  return { shape: shape.length === 0 ? [1] : [...shape], data: Float32Array.from(data as Float32Array) };
}
