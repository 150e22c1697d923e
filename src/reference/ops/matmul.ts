// y[n,i,j] = sum over k of a[n,i,k] b[n,k,j] (+ bias[j]) (+ residual[n,i,j]) (+ add[n,i,j]), a and b read as they are stored.
import { type Reference, type References, startFrom } from './reference.ts';

const product: Reference = ({ a, b, bias, residual, add }, { inputs, outputs, attrs: { transposeA, transposeB } }) => {
  const aShape = inputs.a!.shape;
  const bShape = inputs.b!.shape;
  const M = aShape.at(transposeA ? -1 : -2)!;
  const K = aShape.at(transposeA ? -2 : -1)!;
  const N = bShape.at(transposeB ? -2 : -1)!;
  const batch = inputs.a!.size / (M * K);
  const shared = bShape.length === 2; // one b for all of the batch
  const y = new Float64Array(outputs.y!.size);
  for (let n = 0; n < batch; n++) {
    const aStart = n * M * K;
    const bStart = shared ? 0 : n * K * N;
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const left = a![aStart + (transposeA ? k * M + i : i * K + k)]!;
          const right = b![bStart + (transposeB ? j * K + k : k * N + j)]!;
          sum += left * right;
        }
        const at = (n * M + i) * N + j;
        y[at] = sum + (bias ? bias[j]! : 0) + (residual ? residual[at]! : 0) + (add ? add[at]! : 0);
      }
    }
  }
  return { y };
};

/** sums[j] = sum over k of b[k,j] (+ addSums[j]). */
const columnSums: Reference = ({ b, addSums }, { inputs, outputs, attrs: { transposeB } }) => {
  const N = outputs.sums!.size;
  const K = inputs.b!.size / N;
  const sums = startFrom(addSums, N);
  for (let j = 0; j < N; j++) for (let k = 0; k < K; k++) sums[j]! += b![transposeB ? j * K + k : k * N + j]!;
  return { sums };
};

export const matmul: References = {
  matmul: product,
  matmul_backward_weights: (values, site) => ({ ...product(values, site), ...columnSums(values, site) }),
};
