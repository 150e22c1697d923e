// Divergence of a student's softmax from its teacher's, both of logits divided by a temperature. Hinton et al. 2015 (arXiv:1503.02531).
import type { Numbers } from '../store.ts';
import { type References, rowsOf } from './reference.ts';

/** Row r of x: its largest, the log of the sum of exp((x - largest) / t), and the logarithm of each class's probability. */
function logSoftmax(x: Numbers, r: number, width: number, temperature: number) {
  const row = Float64Array.from({ length: width }, (_, v) => x[r * width + v]!);
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const scaled = row.map((value) => (value - largest) / temperature);
  const logSum = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value), 0));
  return { largest, logSum, logs: scaled.map((value) => value - logSum) };
}

export const klDivergence: References = {
  /** sum of q ln(q / p), where cross_entropy has a logarithm from which nothing is taken away; what the rows' logarithms are made of. */
  kl_divergence: ({ logits, teacher }, { inputs, attrs: { temperature } }) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const stats = new Float64Array(rows * 4);
    const sums = new Float64Array(rows * 4);
    for (let r = 0; r < rows; r++) {
      const p = logSoftmax(logits!, r, width, temperature);
      const q = logSoftmax(teacher!, r, width, temperature);
      let divergence = 0;
      q.logs.forEach((log, v) => {
        const share = Math.exp(log);
        if (share !== 0) divergence += share * (log - p.logs[v]!);
      });
      stats[4 * r + 1] = divergence;
      sums.set([p.largest, p.logSum, q.largest, q.logSum], 4 * r);
    }
    return { stats, sums };
  },

  /** dlogits = dKL * (p - q) / t */
  kl_divergence_backward: ({ logits, teacher, dstats }, { inputs, attrs: { temperature } }) => {
    const { rows, width } = rowsOf(inputs.logits!);
    const dlogits = new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      const d = dstats![4 * r + 1]!;
      if (d === 0) continue;
      const p = logSoftmax(logits!, r, width, temperature).logs;
      const q = logSoftmax(teacher!, r, width, temperature).logs;
      for (let v = 0; v < width; v++) dlogits[r * width + v] = (d * (Math.exp(p[v]!) - Math.exp(q[v]!))) / temperature;
    }
    return { dlogits };
  },
};
