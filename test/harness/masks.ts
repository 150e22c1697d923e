// The masks of dropout as a machine computes them, made visible: by ones, and by probabilities of which each falls on a number of
// its own. An entry for `runIn` gives their hashes, so that homes and adapters can be compared.
import { backward } from '../../src/autograd/backward.ts';
import type { Machine } from '../../src/autograd/machine.ts';
import { Sha256 } from '../../src/checkpoint/hash.ts';
import type { EntryTools } from '../../src/cli/elsewhere/entry.ts';
import { add } from '../../src/ops/add.ts';
import { attention } from '../../src/ops/attention.ts';
import { dropout } from '../../src/ops/dropout.ts';
import type { DropoutAttrs } from '../../src/ops/dropout_mask.ts';
import { mul } from '../../src/ops/mul.ts';
import { constant, stepScalar } from '../../src/ops/op.ts';
import { sum } from '../../src/ops/sum.ts';
import { openDevice } from '../../src/runtime/device.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

export const [BATCH, HEADS, LENGTH] = [2, 3, 36];

/** 1 for each element that is kept. Attention's are (B,H,Tq,Tk), in the gradient (B,H,Tk,Tq). */
export type Masks = Record<'dropout' | 'dropoutBackward' | 'attention' | 'attentionBackward', Uint8Array>;

/** The masks of `size` elements, and of attention's probabilities, at some steps, in one plan. */
export async function masksOf(
  machine: Machine,
  size: number,
  options: DropoutAttrs,
  steps: readonly number[],
): Promise<Masks[]> {
  const ones = new Tensor({
    kind: 'parameter',
    name: 'ones',
    shape: [size],
    init: () => new Float32Array(size).fill(1),
  });
  const shape = [BATCH, HEADS, LENGTH, LENGTH];
  // Every probability is 1 / LENGTH, and value number j is 1 in place j alone: so is number j of the result.
  const unit = new Tensor({ kind: 'parameter', name: 'unit', shape, init: units });
  const run = machine.compile(() => {
    const step = stepScalar('randomStep', 'u32');
    const y = dropout(ones, step, options);
    const zeros = constant('zeros', shape, () => new Float32Array(BATCH * HEADS * LENGTH ** 2));
    const z = attention(zeros, zeros, unit, { dropout: { ...options, step } });
    const gradients = backward(add(sum(y), sum(mul(z, constant('units', shape, units)))));
    return {
      dropout: y,
      dropoutBackward: gradients.get(ones)!,
      attention: z,
      attentionBackward: gradients.get(unit)!,
    };
  });
  const all: Masks[] = [];
  for (const randomStep of steps) {
    const masks = Object.entries(await run({}, { randomStep })).map(async ([name, output]) => [
      name,
      Uint8Array.from(await output.read(), (x) => (x > 0 ? 1 : 0)),
    ]);
    all.push(Object.fromEntries(await Promise.all(masks)) as Masks);
  }
  run.release();
  machine.release([ones, unit]);
  return all;
}

function units(): Float32Array {
  return Float32Array.from({ length: BATCH * HEADS * LENGTH ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / LENGTH) % LENGTH, i % LENGTH];
    return row === column ? 1 : 0;
  });
}

/** One hash for all masks of some steps. */
export function hashOfMasks(masks: readonly Masks[]): string {
  const hash = new Sha256();
  for (const { dropout: forward, dropoutBackward, attention: probabilities, attentionBackward } of masks)
    for (const mask of [forward, dropoutBackward, probabilities, attentionBackward]) hash.update(mask);
  return hash.hex();
}

export interface MaskTask {
  adapter?: string | undefined;
  size: number;
  options: DropoutAttrs;
  steps: number[];
}

/** @param args a MaskTask */
export async function main(args: unknown, tools: EntryTools): Promise<string> {
  const { adapter, size, options, steps } = args as MaskTask;
  const device = await openDevice(adapter === undefined ? {} : { adapter });
  try {
    tools.print(device.name);
    return hashOfMasks(await masksOf(device, size, options, steps));
  } finally {
    device.close();
  }
}
