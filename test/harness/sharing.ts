// Functions in which values want to share storage, and where sharing would be wrong. Each is made anew for every machine.
import { backward } from '../../src/autograd/backward.ts';
import { add } from '../../src/ops/add.ts';
import { assign } from '../../src/ops/copy.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { mul } from '../../src/ops/mul.ts';
import { stepScalar } from '../../src/ops/op.ts';
import { reshape } from '../../src/ops/reshape.ts';
import { scale } from '../../src/ops/scale.ts';
import { mean } from '../../src/ops/sum.ts';
import { AdamW } from '../../src/optim/adamw.ts';
import { layOutSlabs } from '../../src/tensor/slab.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { Named } from './op_sample.ts';

const shape = [2, 2];
const state = (name: string, value: number, own = shape) =>
  new Tensor({ kind: 'state', name, shape: own, init: () => new Float32Array(4).fill(value) });

/** Two pieces of state, each with a buffer of its own or both in one. */
function two(packed: boolean): [Tensor, Tensor] {
  const both: [Tensor, Tensor] = [state('s', 1), state('t', 2)];
  if (packed) layOutSlabs(both, 'slab', 'other');
  return both;
}

export interface SharingCase {
  name: string;
  /** Copies that the plan needs, where their number is the point. */
  copies?: number;
  /** The function of x (2,2). */
  make(): (inputs: Named) => Named;
}

const withState = (name: string, copies: number, f: (s: Tensor, x: Tensor) => unknown): SharingCase => ({
  name,
  copies,
  make: () => {
    const s = state('s', 10);
    return ({ x }) => ({ s, ...(f(s, x!) as Named | undefined) });
  },
});
const withTwo = (name: string, packed: boolean, f: (s: Tensor, t: Tensor, x: Tensor) => unknown): SharingCase => ({
  name,
  make: () => {
    const [s, t] = two(packed);
    return ({ x }) => {
      f(s, t, x!);
      return { s, t, x: scale(x!, 1) };
    };
  },
});
const plain = (name: string, copies: number, f: (x: Tensor) => Named): SharingCase => ({
  name,
  copies,
  make:
    () =>
    ({ x }) =>
      f(x!),
});

export const sharingCases: readonly SharingCase[] = [
  withState('a value is made in the state that it is assigned to', 0, (s, x) => assign(s, scale(x, 2))),
  withState('so is the end of a chain of in-place values', 0, (s, x) => assign(s, matmul(x, x, { add: scale(x, 2) }))),
  withState('the old state is read before the value is made', 0, (s, x) => {
    const old = add(s, x);
    assign(s, scale(x, 2));
    return { old };
  }),
  withState('the old state is read after the value is made', 1, (s, x) => {
    const value = scale(x, 2);
    const old = add(s, x);
    assign(s, value);
    return { old };
  }),
  withState('the value is read later', 0, (s, x) => {
    const value = scale(x, 2);
    assign(s, value);
    return { value, more: add(value, x) };
  }),
  withState('the value is read after the state was written again', 1, (s, x) => {
    const first = scale(x, 2);
    assign(s, first);
    assign(s, scale(x, 3));
    return { more: add(first, x) };
  }),
  withState('the value is a result, and the state is written again', 1, (s, x) => {
    const first = scale(x, 2);
    assign(s, first);
    assign(s, scale(first, 3));
    return { first };
  }),
  withState('the state is added to itself', 1, (s, x) => assign(s, add(s, x))),
  withState('a product is accumulated onto the state', 0, (s, x) => assign(s, matmul(x, x, { add: s }))),
  withState('two products, one after the other', 0, (s, x) =>
    assign(s, matmul(x, x, { add: matmul(x, x, { add: s }) })),
  ),
  withState('a product of the state is accumulated onto it', 2, (s, x) => assign(s, matmul(s, x, { add: s }))),
  withState('a product is accumulated onto the state, whose old value is wanted', 2, (s, x) => {
    const sum = matmul(x, x, { add: s });
    const old = scale(s, 1);
    assign(s, sum);
    return { old };
  }),
  withState('the state under another shape', 0, (s, x) => {
    assign(s, reshape(scale(reshape(x, [4]), 2), shape));
    return { seen: scale(reshape(s, [4]), 1) };
  }),
  withState('an input is assigned as it is', 1, (s, x) => assign(s, x)),
  plain('onto a value that nobody reads later', 0, (x) => ({ y: matmul(x, x, { add: scale(x, 2) }) })),
  plain('onto a value that is read later', 1, (x) => {
    const u = scale(x, 2);
    const y = matmul(x, x, { add: u });
    return { y, later: add(u, y) };
  }),
  plain('onto a value that is a result under another shape', 1, (x) => {
    const u = scale(x, 2);
    return { y: matmul(x, x, { add: u }), flat: reshape(u, [4]) };
  }),
  plain('onto a factor of the same product', 1, (x) => {
    const u = scale(x, 2);
    return { y: matmul(u, x, { add: u }) };
  }),
  plain('onto an input', 1, (x) => ({ y: matmul(x, x, { add: x }) })),
  plain('an input is a result', 0, (x) => ({ x, flat: reshape(x, [4]) })),
  ...[false, true].flatMap((packed) => {
    const where = packed ? ', both in one slab' : '';
    return [
      withTwo(`one value for two states${where}`, packed, (s, t, x) => {
        const value = scale(x, 2);
        assign(s, value);
        assign(t, value);
      }),
      withTwo(`one state made from the other${where}`, packed, (s, t, x) => {
        assign(s, add(t, x));
        assign(t, scale(s, 2));
      }),
      withTwo(`one state copied to the other${where}`, packed, (s, t) => assign(s, t)),
      withTwo(`two states change places${where}`, packed, (s, t) => {
        const [a, b] = [scale(s, 1), scale(t, 1)];
        assign(s, b);
        assign(t, a);
      }),
    ];
  }),
  {
    name: 'two parameters with one gradient',
    make: () => {
      const [p, q] = ['p', 'q'].map((name) => new Tensor({ kind: 'parameter', name, shape }));
      const optimizer = new AdamW([p!, q!]);
      return ({ x }) => ({
        ...optimizer.step(backward(mean(mul(add(p!, q!), x!)))),
        p: p!,
        q: q!,
        rate: stepScalar('learningRate'),
      });
    },
  },
];
