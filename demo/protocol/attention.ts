// How the tokens of a text look at each other, head by head of one layer.

export interface AttentionQuestions {
  attention: {
    asked: {
      /** '' for the run's pinned example. */
      text: string;
      /** From 0. One that the model does not have is taken for its last. */
      layer: number;
    };
    answered: {
      /** As many of the text as a map can show. */
      tokens: readonly string[];
      /** Tokens of the whole text, cut to the context. */
      of: number;
      layers: number;
      /** The one that is shown. */
      layer: number;
      /** By head (T,T), row by row: row i is what token i looks at, and its sum is 1. */
      heads: readonly Float32Array[];
    };
  };
}
