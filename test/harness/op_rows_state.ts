// Samples of the operations that write state. They have no derivative; what they leave behind is compared.
import { assign } from '../../src/ops/copy.ts';
import { gate, globalNorm } from '../../src/ops/optimizer.ts';
import { scale } from '../../src/ops/scale.ts';
import { AdamW } from '../../src/optim/adamw.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { listed, type OpRow } from './op_row.ts';
import type { Named } from './op_sample.ts';

const held = (name: string, shape: Shape, init?: () => Float32Array) =>
  new Tensor({ kind: 'state', name, shape, ...(init && { init }) });

export const state: readonly OpRow[] = [
  {
    ops: ['assign'],
    samples: [
      { name: 'a result', real: { x: [33] }, build: remembered((x) => scale(x, 3)), forwardOnly: true },
      { name: 'an input as it is', real: { x: [1] }, build: remembered((x) => x), forwardOnly: true },
    ],
    tolerance: 1e-6,
    because: 'a copy',
    refuses: [[(t) => assign(held('s', [3]), t(4)), /^assign: value has shape \(4\), expected \(3\)\.$/]],
  },
  {
    ops: ['global_norm'],
    samples: [
      { name: 'one number', real: { a: [1] }, build: (t) => globalNorm([t.a!]), forwardOnly: true },
      {
        name: 'three tensors',
        real: { a: [33], b: [5, 257], c: [70000] },
        build: (t) => globalNorm([t.a!, t.b!, t.c!]),
        forwardOnly: true,
      },
    ],
    tolerance: 1e-5,
    because: 'sums of squares of 256 numbers, then of those sums',
  },
  {
    ops: ['gate'],
    samples: [
      { name: 'clipped', real: { norm: listed(5) }, build: decided(1, true), forwardOnly: true },
      { name: 'not clipped', real: { norm: listed(0.5) }, build: decided(1, true), forwardOnly: true },
      { name: 'no limit', real: { norm: listed(1e6) }, build: decided(null, true), forwardOnly: true },
      {
        name: 'halted',
        real: { norm: listed(Number.POSITIVE_INFINITY) },
        build: decided(null, true),
        forwardOnly: true,
      },
      { name: 'skipped', real: { norm: listed(Number.NaN) }, build: decided(null, false), forwardOnly: true },
    ],
    tolerance: 1e-6,
    because: 'a handful of roundings',
    refuses: [
      [
        (t) => gate(t(2), held('c', [4]), { maxNorm: 1, beta1: 0.9, beta2: 0.9, latch: true }),
        /^gate: norm has shape \(2\), expected \(1\)\.$/,
      ],
    ],
  },
  {
    ops: ['adamw'],
    samples: [
      {
        name: 'decoupled, clipped, a matrix and a vector',
        real: { p: [33, 9], q: [257], dp: [33, 9], dq: [257] },
        build: stepped(true),
        forwardOnly: true,
        scalars: { learningRate: 0.01 },
      },
      {
        name: 'Adam with L2',
        real: { p: [33, 9], q: [1], dp: [33, 9], dq: [1] },
        build: stepped(false),
        forwardOnly: true,
        scalars: { learningRate: 0.01 },
      },
    ],
    tolerance: 1e-5,
    because: 'f32 moments; the ratio m / sqrt(v) keeps their digits',
  },
];

function remembered(f: (x: Tensor) => Tensor) {
  let s: Tensor | undefined;
  return ({ x }: Named) => {
    s ??= held('s', x!.shape);
    assign(s, f(x!));
    return { s };
  };
}

function decided(maxNorm: number | null, latch: boolean) {
  const control = held('control', [4]);
  return ({ norm }: Named) => ({ gate: gate(norm!, control, { maxNorm, beta1: 0.9, beta2: 0.95, latch }), control });
}

function stepped(decoupled: boolean) {
  let optimizer: AdamW | undefined;
  return ({ p, q, dp, dq }: Named) => {
    optimizer ??= new AdamW([p!, q!], { decoupled, gradClip: 1, weightDecay: 0.1 });
    const { gradNorm } = optimizer.step(
      new Map([
        [p!, dp!],
        [q!, dq!],
      ]),
    );
    return { p: p!, q: q!, gradNorm, ...Object.fromEntries(optimizer.state()) };
  };
}
