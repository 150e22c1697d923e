// One training step, dispatch by dispatch: which kernel, on what, for how long, and how far from the CPU twin.

export interface ListedDispatch {
  /** In the order of the step, from 0. */
  index: number;
  kernel: string;
  op: string;
  /** `h.0.attn`; '' at the top. */
  scope: string;
  /** Workgroups along x, y and z. */
  grid: readonly [number, number, number];
  /** What it binds. */
  bytes: number;
  /** Measured; null where the adapter has no clock for it and nothing else could be had. */
  ms: number | null;
}

export interface DispatchValue {
  /** As the kernel calls it. */
  name: string;
  shape: readonly number[];
  dtype: string;
  bytes: number;
  written: boolean;
  /** The first values; null where they are not kept. */
  head: Float32Array | null;
  /** The same from the CPU twin, which computed the whole step by itself, and how far apart all of both are; null for what it has not. */
  twin: {
    head: Float32Array;
    /** Largest difference, and how large it may be. */
    difference: number;
    tolerance: number;
  } | null;
}

export interface KernelQuestions {
  dispatches: {
    asked: Record<never, never>;
    answered: { dispatches: readonly ListedDispatch[]; stepMs: number };
  };
  dispatch: {
    asked: { index: number };
    answered: ListedDispatch & { wgsl: string; values: readonly DispatchValue[] };
  };
}
