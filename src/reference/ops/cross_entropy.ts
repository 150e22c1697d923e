// Mean cross entropy over the targets that are not ignored, with label smoothing as PyTorch has it: (1-e) * nll + e * mean over
// all classes of -log p. Szegedy et al. 2016 (arXiv:1512.00567), section 7.
import { type References, rowsOf } from './reference.ts';

/** A target that is no class counts as ignored, too. */
function isKept(target: number, ignoreIndex: number, V: number): boolean {
  return target !== ignoreIndex && target >= 0 && target < V;
}

export const crossEntropy: References = {
  cross_entropy: ({ logits, targets }, { inputs, attrs: { ignoreIndex, labelSmoothing } }) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const tokenLoss = new Float64Array(rows);
    const rowMax = new Float64Array(rows);
    const logSum = new Float64Array(rows);
    let kept = 0;
    let total = 0;
    for (let r = 0; r < rows; r++) {
      const row = (logits as Float64Array).subarray(r * width, (r + 1) * width);
      const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      rowMax[r] = largest;
      logSum[r] = Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
      if (!isKept(targets![r]!, ignoreIndex, width)) continue;
      const negativeLog = (x: number) => logSum[r]! - (x - largest);
      const even = row.reduce((sum, x) => sum + negativeLog(x), 0) / width;
      tokenLoss[r] = (1 - labelSmoothing) * negativeLog(row[targets![r]!]!) + labelSmoothing * even;
      total += tokenLoss[r]!;
      kept++;
    }
    const loss = Float64Array.of(kept === 0 ? 0 : total / kept);
    return { loss, tokenLoss, kept: Float64Array.of(kept), rowMax, logSum };
  },

  /** dlogits = dloss / kept * (softmax - (1-e) * onehot - e / V), 0 in ignored rows */
  cross_entropy_backward: (
    { logits, targets, rowMax, logSum, kept, dloss },
    { inputs, attrs: { ignoreIndex, labelSmoothing } },
  ) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const dlogits = new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      if (!isKept(targets![r]!, ignoreIndex, width)) continue;
      for (let v = 0; v < width; v++) {
        const at = r * width + v;
        const wanted = (targets![r] === v ? 1 - labelSmoothing : 0) + labelSmoothing / width;
        dlogits[at] = (dloss![0]! / kept![0]!) * (Math.exp(logits![at]! - rowMax![r]! - logSum![r]!) - wanted);
      }
    }
    return { dlogits };
  },
};
