// Cross-entropy in two steps: statistics of each row of logits, which a chunk of classes after another adds to, and the loss that
// follows from them. Label smoothing as PyTorch has it: (1-e) * nll + e * mean over all classes of -log p. Szegedy et al. 2016
// (arXiv:1512.00567), section 7.
import { type References, rowsOf } from './reference.ts';

/** A target that is no class counts as ignored, too. */
function isKept(target: number, ignoreIndex: number, vocabSize: number): boolean {
  return target !== ignoreIndex && target >= 0 && target < vocabSize;
}

export const crossEntropy: References = {
  /** Largest logit m, log of the sum of exp(logit - m), the target's logit - m (0 until seen), sum of logit - m. */
  softmax_stats: ({ logits, targets, before }, { inputs, attrs: { first } }) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const stats = new Float64Array(rows * 4);
    for (let r = 0; r < rows; r++) {
      const row = (logits as Float64Array).subarray(r * width, (r + 1) * width);
      const [oldMax, oldLogSum, oldTarget, oldSum] = before?.subarray(4 * r, 4 * r + 4) ?? [-Infinity, -Infinity, 0, 0];
      const largest = row.reduce((a, b) => Math.max(a, b), oldMax!);
      const column = targets![r]! - first;
      const wasSeen = targets![r]! >= 0 && column < 0;
      let exponentials = Math.exp(oldMax! - largest + oldLogSum!);
      let sum = before ? oldSum! + first * (oldMax! - largest) : 0;
      for (const x of row) {
        exponentials += Math.exp(x - largest);
        sum += x - largest;
      }
      const target =
        column >= 0 && column < width ? row[column]! - largest : wasSeen ? oldTarget! + oldMax! - largest : 0;
      stats.set([largest, Math.log(exponentials), target, sum], 4 * r);
    }
    return { stats };
  },

  /** dlogits = dstats[1] * softmax + dstats[2] * onehot + dstats[3], where dstats is not 0 */
  softmax_stats_backward: ({ logits, targets, stats, dstats }, { inputs, attrs: { first } }) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const dlogits = new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      const [largest, logSum] = stats!.subarray(4 * r, 4 * r + 4);
      const [, dlogSum, dtarget, dsum] = dstats!.subarray(4 * r, 4 * r + 4);
      if (dlogSum === 0 && dtarget === 0 && dsum === 0) continue;
      for (let v = 0; v < width; v++) {
        const at = r * width + v;
        const p = Math.exp(logits![at]! - largest! - logSum!);
        dlogits[at] = dlogSum! * p + (first + v === targets![r] ? dtarget! : 0) + dsum!;
      }
    }
    return { dlogits };
  },

  /** The share of the classes before in the sum of exponentials; the other sums pass on what they get. */
  softmax_stats_backward_before: ({ before, stats, dstats }) => {
    const dbefore = Float64Array.from(dstats!);
    for (let at = 0; at < dbefore.length; at += 4) {
      dbefore[at] = 0;
      dbefore[at + 1]! *= Math.exp(before![at]! + before![at + 1]! - stats![at]! - stats![at + 1]!);
    }
    return { dbefore };
  },

  cross_entropy: ({ stats, targets }, { attrs: { vocabSize, ignoreIndex, labelSmoothing } }) => {
    const tokenLoss = new Float64Array(targets!.length);
    let kept = 0;
    let total = 0;
    for (let r = 0; r < targets!.length; r++) {
      if (!isKept(targets![r]!, ignoreIndex, vocabSize)) continue;
      const [, logSum, target, sum] = stats!.subarray(4 * r, 4 * r + 4);
      tokenLoss[r] = (1 - labelSmoothing) * (logSum! - target!) + labelSmoothing * (logSum! - sum! / vocabSize);
      total += tokenLoss[r]!;
      kept++;
    }
    return { loss: Float64Array.of(kept === 0 ? 0 : total / kept), tokenLoss, kept: Float64Array.of(kept) };
  },

  /** dstats = (dloss / kept + dtokenLoss) * (0, 1, e - 1, -e / V), 0 in ignored rows */
  cross_entropy_backward: (
    { targets, kept, dloss, dtokenLoss },
    { attrs: { vocabSize, ignoreIndex, labelSmoothing } },
  ) => {
    const dstats = new Float64Array(targets!.length * 4);
    for (let r = 0; r < targets!.length; r++) {
      if (!isKept(targets![r]!, ignoreIndex, vocabSize)) continue;
      const d = (dloss ? dloss[0]! / kept![0]! : 0) + (dtokenLoss?.[r] ?? 0);
      dstats.set([0, d, d * (labelSmoothing - 1), (-d * labelSmoothing) / vocabSize], 4 * r);
    }
    return { dstats };
  },
};
