// The logit lens: what the model would guess if it ended after each of its layers (nostalgebraist 2020).
import type { Guess } from './tokens.ts';

/** What is guessed to follow a token. */
export interface LensCell {
  /** The likeliest first. */
  guesses: readonly Guess[];
  /** The probability of the token that follows in the text; null behind the last. */
  came: number | null;
}

export interface LensQuestions {
  lens: {
    asked: {
      /** '' for the run's pinned example. */
      text: string;
    };
    answered: {
      /** As many of the text as a grid can show. */
      tokens: readonly string[];
      /** Tokens of the whole text, cut to the context. */
      of: number;
      /** From the embedding (0 layers done) to the last: for each token what is guessed to follow it. */
      layers: readonly (readonly LensCell[])[];
    };
  };
}
