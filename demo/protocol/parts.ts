// What each dispatch, and with them each part of the model, costs of a step.

export interface PartShare {
  /** As nodes name their places, norms by themselves: `h.0.attn`, `h.0.attn.norm`, `embed`, `head`, `optimizer`; `loss` at the top. */
  part: string;
  ms: number;
}

export interface StepShares {
  /** By part, in the order of the step. */
  parts: readonly PartShare[];
  /** Of one run of each dispatch, in the order of `dispatches`. */
  ms: readonly number[];
  /** All runs of all dispatches together: what a share is of. */
  sumMs: number;
  /** The step as it ordinarily runs, by the clock. */
  stepMs: number;
}

export interface PartQuestions {
  shares: { asked: Record<never, never>; answered: StepShares };
}
