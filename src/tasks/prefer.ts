// Preference: of two answers to a prompt the chosen one is to become more probable than the rejected one, both measured against a
// reference model, whose log-probabilities were computed before and come with the batch as numbers.
import { InputError } from '../errors.ts';
import { RANDOM_STEP } from '../nn/dropout.ts';
import type { ForwardOptions } from '../nn/model.ts';
import type { TableLossOptions } from '../nn/table.ts';
import { add } from '../ops/add.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { constant } from '../ops/op.ts';
import { reshape } from '../ops/reshape.ts';
import { scale } from '../ops/scale.ts';
import { sumTo } from '../ops/sum.ts';
import type { HostArray } from '../tensor/tensor.ts';
import type { RowMetrics, Task } from './task.ts';

export interface PreferTaskOptions
  extends Pick<TableLossOptions, 'logitBytes'>,
    Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'> {
  /** What a nat of log-probability beyond the reference's is worth; above 0. The smaller, the farther the model may move away. Default 0.1. */
  beta?: number;
  /** The share of pairs that are taken to be the wrong way round; from 0 to below 0.5. Default 0. */
  labelSmoothing?: number;
}

/**
 * Direct preference optimization, on a batch of B pairs.
 * inputs i32 (2B,T), targets i32 (2B,T): rows 2i and 2i+1 are the chosen and the rejected answer of pair i, each behind the prompt;
 * targets are -100 on prompt and padding. reference f32 (2B): the sum of ln p over the targets of each row under the reference.
 *   reward = beta * (sum of ln p - reference)          of each answer
 *   margin = reward of the chosen - reward of the rejected
 *   loss = mean of -(1 - e) * ln sigmoid(margin) - e * ln sigmoid(-margin), with e = labelSmoothing
 * computed as the cross-entropy of the two rewards as logits, smoothed by 2e, of which either has half: large margins are safe.
 * `kept` counts pairs, tokenLoss is (B). Observed: rewards (B,2) and logProbabilities (B,2), chosen then rejected.
 * Source: Rafailov et al. 2023 (arXiv:2305.18290), equation 7; Mitchell 2023 (A note on DPO with noisy preferences) for e.
 * @throws InputError if beta or labelSmoothing is out of its range; loss() for rows that are no pairs
 */
export function preferTask(options: PreferTaskOptions = {}): Task {
  const { beta = 0.1, labelSmoothing = 0, logitBytes, dropout, recompute, dtype } = options;
  if (!(beta > 0 && Number.isFinite(beta)))
    throw new InputError(`prefer: beta is ${beta}, expected a number above 0, such as 0.1.`);
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5))
    throw new InputError(`prefer: labelSmoothing is ${labelSmoothing}, expected a number from 0 to below 0.5.`);
  return {
    loss(model, { inputs, targets, reference }) {
      const rows = inputs!.shape[0]!;
      if (rows % 2 !== 0)
        throw new InputError(`prefer: found ${rows} rows, expected two for each pair. Make batches with preferRows().`);
      const pairs = [rows / 2, 2];
      const hidden = model.hidden(inputs!, { dropout, recompute, dtype });
      const { tokenLoss } = model.loss(hidden, targets!, { logitBytes });
      const logProbabilities = reshape(scale(sumTo(tokenLoss, [rows, 1]), -1), pairs);
      const rewards = scale(add(logProbabilities, scale(reshape(reference!, pairs), -1)), beta);
      const chosen = constant('chosen', [rows / 2], () => new Int32Array(rows / 2), 'i32');
      const loss = crossEntropy(rewards, chosen, { labelSmoothing: 2 * labelSmoothing });
      return { ...loss, observed: { rewards, logProbabilities } };
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
    metrics: (_, { rewards }) => preferenceMetrics(rewards!),
  };
}

/** Of each pair. @param rewards (B,2): of the chosen, then of the rejected answer */
function preferenceMetrics(rewards: HostArray): RowMetrics {
  const chosenReward = [...rewards].filter((_, i) => i % 2 === 0);
  const rejectedReward = [...rewards].filter((_, i) => i % 2 === 1);
  const rewardMargin = chosenReward.map((reward, i) => reward - rejectedReward[i]!);
  const rewardAccuracy = rewardMargin.map((margin) => (margin > 0 ? 1 : 0));
  return { rewardMargin, rewardAccuracy, chosenReward, rejectedReward };
}
