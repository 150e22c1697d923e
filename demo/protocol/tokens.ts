// A text as the model sees it: its tokens, how surprised it was by each, and what it would rather have said.

export interface Guess {
  /** As text. */
  token: string;
  probability: number;
}

/** One token of the text. */
export interface LookedToken {
  text: string;
  /** -ln of the probability that the model gave it, nats; null for the first, which nothing stands before. */
  loss: number | null;
  /** What it found likeliest at this place, the likeliest first; none for the first token. */
  guesses: readonly Guess[];
}

export interface TokenQuestions {
  tokens: {
    asked: {
      /** '' for the run's pinned example. */
      text: string;
    };
    answered: {
      /** As much of the text as the context holds. */
      tokens: readonly LookedToken[];
      /** Mean of the losses, nats a token. */
      loss: number;
    };
  };
}
