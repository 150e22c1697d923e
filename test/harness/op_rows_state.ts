// Samples of the operations that write state. They have no derivative; what they leave behind is compared.
import { tally, zero } from '../../src/ops/accumulate.ts';
import { assign } from '../../src/ops/copy.ts';
import { ema } from '../../src/ops/ema.ts';
import { CONTROL, type GateAttrs, gate, LOSS_SCALE_GROWS_AFTER, MOST_LOSS_SCALE } from '../../src/ops/gate.ts';
import { muonMomentum, muonUpdate } from '../../src/ops/muon.ts';
import { stepScalar } from '../../src/ops/op.ts';
import { globalNorm } from '../../src/ops/optimizer.ts';
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
      ...[
        { name: 'the first losses are not scored', before: [4, 0.1, 29, 0], skip: true, loss: 9 },
        { name: 'an ordinary loss', before: [2, 0.01, 100, 0], skip: true, loss: 2.05 },
        { name: 'a spike, told', before: [2, 0.01, 100, 0], skip: false, loss: 6 },
        { name: 'a spike, skipped', before: [2, 0.01, 100, 0], skip: true, loss: 6 },
        { name: 'a loss that is not finite', before: [2, 0.01, 100, 0], skip: true, loss: Number.POSITIVE_INFINITY },
      ].map(({ name, before, skip, loss }) => ({
        name,
        real: { norm: listed(0.5), loss: listed(loss) },
        build: scored(before, skip),
        forwardOnly: true as const,
      })),
      ...[
        { name: 'a loss scale', norm: 3 * 2 ** 16, scale: [2 ** 16, 7] },
        { name: 'a loss scale that grows', norm: 3 * 2 ** 15, scale: [2 ** 15, LOSS_SCALE_GROWS_AFTER - 1] },
        { name: 'the largest loss scale', norm: 3, scale: [MOST_LOSS_SCALE, LOSS_SCALE_GROWS_AFTER - 1] },
        { name: 'an overflow', norm: Number.POSITIVE_INFINITY, scale: [2 ** 16, 7] },
        { name: 'an overflow that is a NaN', norm: Number.NaN, scale: [2, 7] },
        { name: 'no overflow but a fault', norm: Number.NaN, scale: [1, 7] },
      ].map(({ name, norm, scale }) => ({
        name,
        real: { norm: listed(norm), loss: listed(2) },
        build: lossScaled(scale),
        forwardOnly: true as const,
      })),
      { name: 'sums over targets', real: { norm: listed(50) }, build: summed([36, 12]), forwardOnly: true },
      { name: 'sums over no target', real: { norm: listed(0) }, build: summed([0, 0]), forwardOnly: true },
    ],
    tolerance: 1e-6,
    because: 'a handful of roundings',
    refuses: [
      [
        (t) => gate({ norm: t(2), control: held('c', [CONTROL]) }, { maxNorm: 1, beta1: 0.9, beta2: 0.9, latch: true }),
        /^gate: norm has shape \(2\), expected \(1\)\.$/,
      ],
    ],
  },
  {
    ops: ['tally'],
    samples: [
      { name: 'one batch', real: { loss: listed(2.5), kept: listed(12) }, build: tallied(), forwardOnly: true },
    ],
    tolerance: 1e-6,
    because: 'a product and a sum',
    refuses: [[(t) => tally(held('s', [2]), t(2), t(1)), /^tally: loss has shape \(2\), expected \(1\)\.$/]],
  },
  {
    ops: ['zero'],
    samples: [{ name: 'state', real: { x: [1] }, build: zeroed(), forwardOnly: true }],
    tolerance: 1e-6,
    because: 'no arithmetic',
  },
  {
    ops: ['ema'],
    samples: [
      ...[
        { name: 'the first step', control: [1, 0, 0, 0, 0, 0, 0, 0], open: 1 },
        { name: 'a late step', control: [5000, 0, 0, 0, 0, 0, 0, 0], open: 1 },
        { name: 'a shut gate', control: [5000, 0, 0, 0, 0, 0, 0, 0], open: 0 },
      ].map(({ name, control, open }) => ({
        name,
        real: { gate: listed(open, 1, 1, 1), control: listed(...control) },
        build: followed(0.99),
        forwardOnly: true as const,
      })),
    ],
    tolerance: 1e-6,
    because: 'a handful of roundings',
    refuses: [
      [
        (t) => ema({ p: t(64), average: held('a', [64]), gate: t(4), control: t(CONTROL) }, { decay: 1 }),
        /^ema: decay is 1, expected above 0 and below 1\.$/,
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

const gateAttrs: GateAttrs = { maxNorm: null, beta1: 0.9, beta2: 0.95, latch: true };

function decided(maxNorm: number | null, latch: boolean) {
  const control = held('control', [CONTROL]);
  return ({ norm }: Named) => ({ ...gate({ norm: norm!, control }, { ...gateAttrs, maxNorm, latch }), control });
}

/** A loss scored by statistics of earlier ones: [mean, variance, count, unused]. */
function scored(before: number[], skipSpikes: boolean) {
  const control = held('control', [CONTROL], () => Float32Array.of(0, 0, 0, 0, ...before));
  return ({ norm, loss }: Named) => ({
    ...gate({ norm: norm!, loss: loss!, control }, { ...gateAttrs, maxNorm: 1, skipSpikes }),
    control,
  });
}

/** A training that keeps a loss scale: [factor, steps in a row without overflow]. */
function lossScaled(before: number[]) {
  const control = held('control', [CONTROL]);
  const lossScale = held('lossScale', [2], () => Float32Array.from(before));
  return ({ norm, loss }: Named) => ({
    ...gate({ norm: norm!, loss: loss!, control, lossScale }, gateAttrs),
    control,
    lossScale,
  });
}

/** Gradients and losses that are sums over some targets. */
function summed(sums: number[]) {
  const control = held('control', [CONTROL]);
  const totals = held('totals', [2], () => Float32Array.from(sums));
  return ({ norm }: Named) => ({ ...gate({ norm: norm!, control, totals }, { ...gateAttrs, maxNorm: 1 }), control });
}

function tallied() {
  const totals = held('totals', [2], () => Float32Array.of(3, 4));
  return ({ loss, kept }: Named) => {
    tally(totals, loss!, kept!);
    return { totals };
  };
}

function zeroed() {
  const s = held('s', [257], () => new Float32Array(257).fill(7));
  return ({ x }: Named) => {
    const before = scale(x!, 1);
    zero(s);
    return { before, s };
  };
}

function followed(decay: number) {
  const a = held('a', [128], () => new Float32Array(128).fill(2));
  const p = held('p', [128], () => Float32Array.from({ length: 128 }, (_, i) => i / 10));
  return ({ gate: given, control }: Named) => {
    ema({ p, average: a, gate: given!, control: control! }, { decay });
    return { a };
  };
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
