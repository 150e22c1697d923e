// How the tokens of a text look at each other, head by head of one layer.

export interface AttentionQuestions {
  attention: {
    asked: {
      /** '' for the run's pinned example. */
      text: string;
      /** From 0. */
      layer: number;
    };
    answered: {
      tokens: readonly string[];
      layers: number;
      layer: number;
      /** By head (T,T), row by row: row i is what token i looks at, and its sum is 1. */
      heads: readonly Float32Array[];
    };
  };
}
