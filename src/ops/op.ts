// What an operation is: one row that says its name, its shape rule, the kernels it dispatches (one list a form) and its
// derivative. A row is data: it never calls the GPU. Functions such as matmul(a, b) put a row on the tape being traced.
import { InputError } from '../errors.ts';
import { type Shape, show } from '../tensor/shape.ts';
import { type DType, type HostArray, isReal, type Tensor } from '../tensor/tensor.ts';

/** Values of a node by name. The names are those of the kernels' bindings. */
export type Values = Readonly<Record<string, Tensor>>;

/** One run of one kernel, as data. */
export interface Dispatch {
  kernel: string;
  /** Fields of the kernel's `struct Sizes`. */
  sizes: Readonly<Record<string, number>>;
  /** How many elements the grid must cover along x, y, z; the kernel's own tile size divides it into workgroups. */
  threads: readonly [number, number?, number?];
  /** Binding names that differ from the node's own value names. */
  bind?: Readonly<Record<string, Tensor>>;
  /** Values of the kernel's `override` declarations. */
  constants?: Readonly<Record<string, number>>;
  /** Floating-point operations, where products of matrices are computed: what a profile divides by the time. */
  flops?: number;
}

/** What is known of the adapter when a form is chosen. Everything else about it stays inside the runtime. */
export interface Capabilities {
  features: ReadonlySet<string>;
  subgroupMinSize: number;
  subgroupMaxSize: number;
  /** It runs on the CPU: what is fast there is slow on a GPU, and the other way round. */
  software: boolean;
  /** Products of small matrices in hardware: `MxNxK`, the type of the factors, that of the result. `16x16x16 f16 f32`. */
  subgroupMatrices: readonly string[];
}

/** An adapter without any optional feature: the least that a form may count on. */
export const leastCapabilities: Capabilities = {
  features: new Set(),
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  software: true,
  subgroupMatrices: [],
};

/** For `prefers`: a form made for hardware, or for an adapter that runs on the CPU. */
export const onGPU = ({ software }: Capabilities) => !software;
export const onSoftware = ({ software }: Capabilities) => software;

/** For `runsOn`: kernels that are wrong, not slow, at any other subgroup size. */
export const hasSubgroupsOf8 = ({ features, subgroupMinSize, subgroupMaxSize }: Capabilities) =>
  features.has('subgroups') && subgroupMinSize === 8 && subgroupMaxSize === 8;

/** The inputs, outputs and scratch of a node, whose dispatches are being listed. */
export interface Site<A> {
  inputs: Values;
  outputs: Values;
  attrs: A;
  /** Neighbours that the chosen form does in passing, see Form.takes, by the input or the output that lies between. */
  passed?: Readonly<Record<string, Neighbour>>;
}

/** The node in front of another one, or behind it. */
export interface Neighbour extends Site<unknown> {
  /** The name of its op. */
  op: string;
}

/** One way to compute an op. Of those that apply the first is taken that the adapter suits, else the first, unless a table names one. */
export interface Form<A> {
  name: string;
  /** Whether its kernels work on an adapter. A form without this needs no optional feature. */
  runsOn?(capabilities: Capabilities): boolean;
  /**
   * Whether it was made for such an adapter. Where it was not it works all the same, but comes after those that were. A form
   * with neither this nor `runsOn` is portable: every adapter chooses alike among those, and for each node there is one.
   */
  prefers?(capabilities: Capabilities): boolean;
  /** Whether it can compute this node: a condition on shapes and attributes. */
  when?(site: Site<A>): boolean;
  /** Values that live only between the dispatches of one node. */
  scratch?(site: Site<A>): Record<string, { shape: Shape; dtype?: DType }>;
  /**
   * Whether its dispatches can do a neighbour in passing: the node right in front, which makes the input `name` (or writes the state
   * that it is), or the node right behind, which reads the output `name`. Asked only where nobody else needs what lies between,
   * which then is not made. The neighbour's outputs, and the state that it writes, are.
   */
  takes?(site: Site<A>, name: string, neighbour: Neighbour): boolean;
  dispatches(site: Site<A>, scratch: Values): Dispatch[];
}

export interface OutputSpec {
  shape: Shape;
  dtype?: DType;
}

/**
 * A gradient of one input: a tensor, or a function that makes it, called only when the gradient is needed. A function with a
 * parameter is handed what has been accumulated so far (or null), and its result must contain it; the result of a function
 * without one is added.
 */
export type Gradient = Tensor | ((accumulated: Tensor | null) => Tensor);

export interface BackwardSite<A> extends Site<A> {
  /** Upstream gradient by output name; an output that nothing depends on is missing. */
  grads: Readonly<Record<string, Tensor | undefined>>;
  needs(input: string): boolean;
  /** What an input's gradient has come to so far, for ops that make two gradients at once. Asked where the gradient is made. */
  accumulated(input: string): Tensor | null;
}

export interface Op<A = unknown> {
  name: string;
  /** The shape rule. @throws InputError with op, value, expectation and next move */
  outputs(inputs: Values, attrs: A): Record<string, OutputSpec>;
  forms: readonly Form<A>[];
  /**
   * Gradients by input name, in the order in which they are to be made, or why there are none. `identity`: the gradient of y is
   * that of x, so backward keeps one for both, of x's type.
   */
  backward: ((site: BackwardSite<A>) => Record<string, Gradient | undefined>) | 'identity' | 'not differentiable';
  /** State that the op overwrites, by input name. */
  writes?: readonly string[];
  /** output name -> input name whose values it starts from: the kernel reads and overwrites one buffer. */
  inPlace?: Readonly<Record<string, string>>;
  /** The output `y` is the input `x` under another shape, starting this many elements in: no dispatch. */
  view?(inputs: Values, attrs: A): number;
}

/** What ops are written to. autograd/graph.ts implements it. */
export interface Tape {
  push<A>(op: Op<A>, inputs: Record<string, Tensor | undefined>, attrs: A): Record<string, Tensor>;
  input(name: string, shape: Shape, dtype: DType): Tensor;
  constant(name: string, shape: Shape, dtype: DType, values: () => HostArray): Tensor;
}

let current: Tape | null = null;

/** Runs `fn` with `tape` as the one that ops are written to. */
export function withTape<T>(tape: Tape, fn: () => T): T {
  const outer = current;
  current = tape;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/** @throws InputError outside of tracing */
export function currentTape(): Tape {
  if (!current) {
    throw new InputError(
      'an operation was called outside of compile(): tensors are descriptions. Put the call into the function you compile.',
    );
  }
  return current;
}

/** Identity with types: an op row as written in its file. */
export function defineOp<A>(op: Op<A>): Op<A> {
  return op;
}

/** A scalar that the host sends with every replay, by name: learning rate, step, position. Shape (1). */
export function stepScalar(name: string, dtype: DType = 'f32'): Tensor {
  return currentTape().input(name, [1], dtype);
}

/** Fixed values that are uploaded once when a plan is made. */
export function constant(name: string, shape: Shape, values: () => HostArray, dtype: DType = 'f32'): Tensor {
  return currentTape().constant(name, shape, dtype, values);
}

/** @throws InputError unless `tensor` has the expected shape */
export function expectShape(op: string, name: string, tensor: Tensor, expected: Shape): void {
  if (tensor.shape.length !== expected.length || tensor.shape.some((d, i) => d !== expected[i])) {
    throw new InputError(`${op}: ${name} has shape ${show(tensor.shape)}, expected ${show(expected)}.`);
  }
}

/** @throws InputError unless `tensor` has the expected element type */
export function expectType(op: string, name: string, tensor: Tensor, dtype: DType): void {
  if (tensor.dtype !== dtype) throw new InputError(`${op}: ${name} holds ${tensor.dtype}, expected ${dtype}.`);
}

/** @throws InputError unless `tensor` holds real numbers, f32 or f16 */
export function expectReal(op: string, name: string, tensor: Tensor): void {
  if (!isReal(tensor.dtype)) throw new InputError(`${op}: ${name} holds ${tensor.dtype}, expected f32 or f16.`);
}
