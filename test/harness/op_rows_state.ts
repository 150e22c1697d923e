// Samples of the operations that write state. They have no derivative; what they leave behind is compared.
import { assign } from '../../src/ops/copy.ts';
import { muonMomentum, muonUpdate } from '../../src/ops/muon.ts';
import { stepScalar } from '../../src/ops/op.ts';
import { gate, globalNorm } from '../../src/ops/optimizer.ts';
import { normalize, orthogonalize } from '../../src/ops/orthogonalize.ts';
import { scale } from '../../src/ops/scale.ts';
import { AdamW } from '../../src/optim/adamw.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { listed, type OpRow } from './op_row.ts';
import type { Named } from './op_sample.ts';

const held = (name: string, shape: Shape, init?: () => Float32Array) =>
  new Tensor({ kind: 'state', name, shape, ...(init && { init }) });

/** Steps of muon_update, onto the parameter itself. */
const moved = {
  build: ({ p, d, gate: given }: Named) => {
    const learningRate = stepScalar('learningRate');
    muonUpdate({ p: p!, direction: d!, gate: given!, learningRate }, { weightDecay: 0.1, factor: 2 });
    return { p: p! };
  },
  forwardOnly: true as const,
  scalars: { learningRate: 0.02 },
};

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
  {
    ops: ['muon_momentum'],
    samples: [
      { name: 'one number', real: { g: [1], gate: listed(1, 0.5, 1, 1) }, build: pushed(true), forwardOnly: true },
      ...[true, false].map((nesterov) => ({
        name: nesterov ? 'nesterov' : 'plain momentum',
        real: { g: [33, 17], gate: listed(1, 0.5, 1, 1) },
        build: pushed(nesterov),
        forwardOnly: true as const,
      })),
      { name: 'a shut gate', real: { g: [33, 17], gate: listed(0, 1, 1, 1) }, build: pushed(true), forwardOnly: true },
    ],
    tolerance: 1e-6,
    because: 'a handful of roundings',
    refuses: [
      [
        (t) => muonMomentum({ g: t(3, 2), m: t(2, 3), gate: t(4) }, { momentum: 0.9, nesterov: true }),
        /^muon_momentum: m has shape \(2,3\), expected \(3,2\)\.$/,
      ],
    ],
  },
  {
    ops: ['muon_update'],
    samples: [
      { name: 'one number', real: { p: [1], d: [1], gate: listed(1, 1, 1, 1) }, ...moved },
      { name: 'a matrix', real: { p: [33, 17], d: [33, 17], gate: listed(1, 1, 1, 1) }, ...moved },
      { name: 'a shut gate', real: { p: [33, 17], d: [33, 17], gate: listed(0, 1, 1, 1) }, ...moved },
    ],
    tolerance: 1e-6,
    because: 'a handful of roundings a step',
    refuses: [
      [
        (t) =>
          muonUpdate(
            { p: t(3, 2), direction: t(2, 3), gate: t(4), learningRate: t(1) },
            { weightDecay: 0.1, factor: 1 },
          ),
        /^muon_update: direction has shape \(2,3\), expected \(3,2\)\.$/,
      ],
    ],
  },
  {
    ops: ['normalize'],
    samples: [
      {
        name: 'one number',
        real: { x: [1] },
        build: (t) => normalize(t.x!, globalNorm([t.x!]), 1e-7),
        forwardOnly: true,
      },
      {
        name: 'wide',
        real: { x: [5, 257] },
        build: (t) => normalize(t.x!, globalNorm([t.x!]), 1e-7),
        forwardOnly: true,
      },
      { name: 'orthogonalized, wide', real: { x: [7, 33] }, build: (t) => orthogonalize(t.x!), forwardOnly: true },
      { name: 'orthogonalized, tall', real: { x: [33, 7] }, build: (t) => orthogonalize(t.x!), forwardOnly: true },
    ],
    tolerance: 1e-5,
    because: 'a norm, then five steps of products of f32 with singular values below 1.3',
    refuses: [[(t) => orthogonalize(t(3)), /^orthogonalize: x is \(3\), expected two axes\.$/]],
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

function pushed(nesterov: boolean) {
  let m: Tensor | undefined;
  return ({ g, gate: given }: Named) => {
    const { shape, size } = g!;
    m ??= held('m', shape, () => Float32Array.from({ length: size }, (_, i) => i / size));
    const u = muonMomentum({ g: g!, m, gate: given! }, { momentum: 0.9, nesterov });
    return { u, m };
  };
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
