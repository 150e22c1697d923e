// What each part of the model costs of a step.

export interface PartQuestions {
  shares: {
    asked: Record<never, never>;
    answered: {
      /** By part as nodes name their places (`h.0.attn`, `embed`, `loss`, `optimizer`): milliseconds of a step, measured. */
      parts: readonly { scope: string; ms: number }[];
      stepMs: number;
    };
  };
}
