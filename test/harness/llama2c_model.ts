// llama2.c in the plainest form: a random file of its format, and what its own C program computes from such a file.
// Source: https://github.com/karpathy/llama2.c, run.c, `forward`.
import { normal } from '../../src/tensor/random.ts';

export interface Llama2cSizes {
  dim: number;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocab: number;
  context: number;
  tied: boolean;
}

/** Values of each kind in the order of the file. */
function countsOf({ dim, hidden, layers: L, heads, kvHeads, vocab, context, tied }: Llama2cSizes): [string, number][] {
  const kv = (dim / heads) * kvHeads;
  return [
    ['table', vocab * dim],
    ['attnNorm', L * dim],
    ['q', L * dim * dim],
    ['k', L * kv * dim],
    ['v', L * kv * dim],
    ['o', L * dim * dim],
    ['mlpNorm', L * dim],
    ['gate', L * hidden * dim],
    ['down', L * dim * hidden],
    ['up', L * hidden * dim],
    ['norm', dim],
    ['angles', (context * dim) / heads],
    ...(tied ? [] : ([['head', vocab * dim]] as [string, number][])),
  ];
}

/** A whole file with random weights. */
export function llama2cFile(sizes: Llama2cSizes): Uint8Array {
  const { dim, hidden, layers, heads, kvHeads, vocab, context, tied } = sizes;
  const header = Int32Array.of(dim, hidden, layers, heads, kvHeads, tied ? vocab : -vocab, context);
  const values = normal(
    countsOf(sizes).reduce((sum, [, n]) => sum + n, 0),
    0.3,
    3,
    1,
  );
  const bytes = new Uint8Array(header.byteLength + values.byteLength);
  bytes.set(new Uint8Array(header.buffer));
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.byteLength);
  return bytes;
}

/** Logits behind the last of the ids, in float64. */
export function llama2cLogits(bytes: Uint8Array, sizes: Llama2cSizes, ids: readonly number[]): Float64Array {
  const { dim, hidden, layers, heads, kvHeads, vocab, tied } = sizes;
  const all = Float64Array.from(new Float32Array(bytes.slice(28).buffer));
  const weights = new Map<string, Float64Array>();
  let at = 0;
  for (const [name, n] of countsOf(sizes)) weights.set(name, all.subarray(at, (at += n)));
  const part = (name: string, layer: number) => {
    const whole = weights.get(name)!;
    const size = whole.length / layers;
    return whole.subarray(layer * size, (layer + 1) * size);
  };
  const times = (matrix: Float64Array, x: Float64Array) =>
    Float64Array.from({ length: matrix.length / x.length }, (_, row) =>
      x.reduce((sum, value, i) => sum + value * matrix[row * x.length + i]!, 0),
    );
  const normed = (x: Float64Array, weight: Float64Array) => {
    const scale = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length + 1e-5);
    return x.map((v, i) => v * scale * weight[i]!);
  };
  const head = dim / heads;
  const turn = (x: Float64Array, position: number) => {
    for (let i = 0; i < x.length; i += 2) {
      const angle = position / 10000 ** ((i % head) / head);
      const [a, b] = [x[i]!, x[i + 1]!];
      x[i] = a * Math.cos(angle) - b * Math.sin(angle);
      x[i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
    return x;
  };
  const keys: Float64Array[][] = Array.from({ length: layers }, () => []);
  const values: Float64Array[][] = Array.from({ length: layers }, () => []);
  let logits = new Float64Array(vocab);
  ids.forEach((id, position) => {
    let x = weights.get('table')!.slice(id * dim, (id + 1) * dim);
    for (let l = 0; l < layers; l++) {
      const h = normed(x, part('attnNorm', l));
      const q = turn(times(part('q', l), h), position);
      keys[l]!.push(turn(times(part('k', l), h), position));
      values[l]!.push(times(part('v', l), h));
      const mixed = new Float64Array(dim);
      for (let n = 0; n < heads; n++) {
        const kv = Math.floor(n / (heads / kvHeads)) * head;
        const scores = keys[l]!.map((key) => {
          let sum = 0;
          for (let i = 0; i < head; i++) sum += q[n * head + i]! * key[kv + i]!;
          return Math.exp(sum / Math.sqrt(head));
        });
        const total = scores.reduce((a, b) => a + b);
        scores.forEach((score, t) => {
          for (let i = 0; i < head; i++) mixed[n * head + i]! += (score / total) * values[l]![t]![kv + i]!;
        });
      }
      const attended = times(part('o', l), mixed);
      x = x.map((v, i) => v + attended[i]!);
      const m = normed(x, part('mlpNorm', l));
      const up = times(part('up', l), m);
      const gated = times(part('gate', l), m).map((v, i) => (v / (1 + Math.exp(-v))) * up[i]!);
      const down = times(part('down', l), gated);
      x = x.map((v, i) => v + down[i]!);
      if (m.length !== dim || gated.length !== hidden) throw new Error('sizes');
    }
    logits = times(weights.get(tied ? 'table' : 'head')!, normed(x, weights.get('norm')!)) as Float64Array<ArrayBuffer>;
  });
  return logits;
}
