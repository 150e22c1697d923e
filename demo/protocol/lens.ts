// The logit lens: what the model would guess if it ended after each of its layers (nostalgebraist 2020).
import type { Guess } from './tokens.ts';

export interface LensQuestions {
  lens: {
    asked: {
      /** '' for the run's pinned example. */
      text: string;
    };
    answered: {
      tokens: readonly string[];
      /** From the embedding (0 layers done) to the last: for each token what is guessed to follow it, the likeliest first. */
      layers: readonly (readonly (readonly Guess[])[])[];
    };
  };
}
