// One training step, the one that comes next, dispatch by dispatch: which kernel, on what, and how far from the CPU twin. It is run on a
// copy of all weights and state. How long each takes is a question of its own (`shares`), since that is measured.

export interface ListedDispatch {
  /** In the order of the step, from 0. */
  index: number;
  kernel: string;
  op: string;
  /** `h.0.attn`, `h.0.attn.backward`; '' at the top. */
  scope: string;
  /** As `shares` names it. */
  part: string;
  /** Workgroups along x, y and z. */
  grid: readonly [number, number, number];
  /** Shapes of what it writes: `8×32×96`. */
  shapes: readonly string[];
  /** What it binds. */
  bytes: number;
  /** How often a step runs it: once for each of its batches. */
  times: number;
}

export interface DispatchValue {
  /** As the kernel calls it. */
  name: string;
  /** As the model calls it. */
  value: string;
  shape: readonly number[];
  dtype: string;
  bytes: number;
  written: boolean;
  /** The dispatch that leaves it so: another of the same operation where this one only begins it. */
  index: number;
  /** The first values: of what is read as it is found, of what is written as it is left. */
  head: readonly number[];
  /** What stood there before, where the kernel reads and overwrites it. */
  before: readonly number[] | null;
  /** The same from the CPU twin, given what the kernel was given; null for what is only read or cannot be compared. */
  twin: {
    head: readonly number[];
    /** Largest difference of all values, and how large it may be. */
    difference: number;
    tolerance: number;
    /** Tolerance relative to the largest size, and the terms of the sums behind one value. 0: bits are moved. */
    relative: number;
    terms: number;
  } | null;
  /** Why it is not compared; null where it is, or is only read. */
  why: string | null;
}

export interface OpenedDispatch extends ListedDispatch {
  /** The step that it belongs to: the next one, or the one that ended the run. */
  ofStep: number;
  /** As it was compiled: the file, and behind its own lines the snippets that it asks for. */
  wgsl: string;
  ownLines: number;
  constants: Readonly<Record<string, number>>;
  /** What its Sizes hold. */
  sizes: Readonly<Record<string, number>>;
  values: readonly DispatchValue[];
  /** Why there are no values; null where there are. */
  refused: string | null;
}

export interface KernelQuestions {
  dispatches: { asked: Record<never, never>; answered: { ofStep: number; dispatches: readonly ListedDispatch[] } };
  dispatch: { asked: { index: number }; answered: OpenedDispatch };
  /** The first dispatch that leaves a value which is not finite; null where all are. */
  notFinite: { asked: Record<never, never>; answered: { index: number | null } };
}
