// Classification: one of several labels for a text.

import type { Classifier } from '../nn/classifier.ts';
import { RANDOM_STEP } from '../nn/dropout.ts';
import type { ForwardOptions } from '../nn/model.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { mul } from '../ops/mul.ts';
import { sum } from '../ops/sum.ts';
import type { Task } from './task.ts';

/** The label of a row that counts for nothing. */
export const NO_LABEL = -100;

export type ClassifyTaskOptions = Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'>;

/**
 * Cross-entropy over the labels, and how many of them are right.
 * A batch is inputs (B,T) i32, pool (B,1,T) f32, labels (B) i32, -100 where a row counts for nothing, and mask (B,T) f32 for a body
 * that asks for it. With weights (B) and shares
 * (B) f32, which is each weight divided by the sum of all, the loss is sum(weight * nll) / sum(weight), and it weighs that sum among
 * others. See classifyRows.
 */
export function classifyTask({ dropout, recompute, dtype }: ClassifyTaskOptions = {}): Task<Classifier> {
  return {
    loss(model, { inputs, pool, mask, labels, weights, shares }) {
      const logits = model.logits(inputs!, pool!, { mask, dropout, recompute, dtype });
      const { loss, tokenLoss, kept } = crossEntropy(logits, labels!);
      const observed = { logits };
      if (!weights) return { loss, kept, tokenLoss, observed };
      return { loss: sum(mul(tokenLoss, shares!)), kept: sum(weights), tokenLoss, observed };
    },
    metrics({ labels }, { logits }) {
      const wanted = labels!.data;
      const count = logits!.length / wanted.length;
      const accuracy: number[] = [];
      for (let row = 0; row < wanted.length; row++)
        if (wanted[row] !== NO_LABEL)
          accuracy.push(likeliestLabel(logits!.subarray(row * count, (row + 1) * count)) === wanted[row] ? 1 : 0);
      return { accuracy };
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
  };
}

/** The number of the largest score, the first of equal ones. */
export function likeliestLabel(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

/**
 * Weights that make every label count alike: rows / (labels * rows of the label), 0 for a label that no row has.
 * Source: King and Zeng 2001, Logistic Regression in Rare Events Data; scikit-learn's "balanced".
 */
export function balancedWeights(labels: readonly number[], count: number): number[] {
  const rows = new Array<number>(count).fill(0);
  for (const label of labels) rows[label]!++;
  const present = rows.filter((n) => n > 0).length;
  return rows.map((n) => (n === 0 ? 0 : labels.length / (present * n)));
}
