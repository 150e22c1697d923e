// The past of a run: what it wrote at any of its steps, and where another run began from one of them.

export interface PastQuestions {
  /** The run's own sample, with its prompt and its seed: at a step where it gave one, the same to the letter. */
  sample: {
    asked: Record<never, never>;
    answered: { text: string };
  };
}

/** Where a run parted from the one before it, and what shows that both are one until there. */
export interface Fork {
  /** The last step that both have. */
  step: number;
  /** The kept step from which the one before was trained again to reach `step`. */
  replayedFrom: number;
  /** SHA-256 over the losses of steps 1 to `step` as float32, of the run before and of this one; null where not all of them were told. */
  losses: readonly [before: string, now: string] | null;
  /** Parameter hashes at `step`: of the run before, trained again, and of this one as it begins. */
  parameters: readonly [before: string, now: string];
}
