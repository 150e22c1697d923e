// The original transformer once more, as plain loops over float64, written from the paper (Vaswani et al. 2017, arXiv:1706.03762) and
// from nothing in src/: what the model is compared with. One pair of texts at a time, without padding; weights by their names in a file.

export interface PlainTransformer {
  width: number;
  heads: number;
  inner: number;
  vocabSize: number;
  encoderLayers: number;
  decoderLayers: number;
  eps: number;
  norm: 'post' | 'pre';
  positions: 'sinusoidal' | 'learned' | 'rotary';
  scaled: boolean;
  /** Names of the tables. */
  sourceTable: string;
  targetTable: string;
  headTable: string;
}

type Rows = number[][];

const dot = (a: readonly number[], b: ArrayLike<number>, from = 0) =>
  a.reduce((sum, x, i) => sum + x * b[from + i]!, 0);
const plus = (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((x, c) => x + b[t]![c]!));

/** The logits behind each token of the target. */
export function plainLogits(
  model: PlainTransformer,
  weights: (name: string) => ArrayLike<number>,
  source: readonly number[],
  target: readonly number[],
): Rows {
  const { width: C, heads: H, inner, eps } = model;
  const D = C / H;

  const linear = (x: Rows, name: string, out: number, biased: boolean): Rows => {
    const [w, bias] = [weights(`${name}.weight`), biased ? weights(`${name}.bias`) : null];
    return x.map((row) => Array.from({ length: out }, (_, o) => dot(row, w, o * row.length) + (bias?.[o] ?? 0)));
  };
  const norm = (x: Rows, name: string): Rows => {
    const [w, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
    return x.map((row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / C;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / C;
      return row.map((value, c) => ((value - mean) / Math.sqrt(variance + eps)) * w[c]! + bias[c]!);
    });
  };

  const place = (side: string, t: number, c: number) => {
    if (model.positions === 'rotary') return 0;
    if (model.positions === 'learned') return weights(`${side}.embed_positions.weight`)[t * C + c]!;
    const angle = t / 10_000 ** ((c - (c % 2)) / C);
    return c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  };
  const embedded = (side: string, table: string, ids: readonly number[]): Rows => {
    const rows = weights(table);
    const factor = model.scaled ? Math.sqrt(C) : 1;
    return ids.map((id, t) => Array.from({ length: C }, (_, c) => factor * rows[id * C + c]! + place(side, t, c)));
  };

  /** Each head's pairs (d, d + D/2), turned by the token's position. */
  const turned = (x: Rows): Rows =>
    x.map((row, t) =>
      row.map((value, c) => {
        const [d, half] = [c % D, D / 2];
        const angle = t / 10_000 ** ((d % half) / half);
        return value * Math.cos(angle) + (d < half ? -row[c + half]! : row[c - half]!) * Math.sin(angle);
      }),
    );
  const attend = (name: string, x: Rows, other: Rows, sees: (t: number, s: number) => boolean): Rows => {
    // Only a text that looks at itself has positions in common.
    const turn = model.positions === 'rotary' && x === other ? turned : (rows: Rows) => rows;
    const q = turn(linear(x, `${name}.q_proj`, C, false));
    const k = turn(linear(other, `${name}.k_proj`, C, false));
    const v = linear(other, `${name}.v_proj`, C, false);
    const together = q.map((row, t) => {
      const seen = k.map((_, s) => s).filter((s) => sees(t, s));
      return row.map((_, c) => {
        const h = Math.floor(c / D) * D;
        const shares = seen.map((s) => Math.exp(dot(row.slice(h, h + D), k[s]!, h) / Math.sqrt(D)));
        const total = shares.reduce((sum, share) => sum + share, 0);
        return seen.reduce((sum, s, n) => sum + (shares[n]! / total) * v[s]![c]!, 0);
      });
    });
    return linear(together, `${name}.o_proj`, C, false);
  };
  const mlp = (name: string, x: Rows): Rows => {
    const wide = linear(x, `${name}.fc1`, inner, true).map((row) => row.map((value) => Math.max(0, value)));
    return linear(wide, `${name}.fc2`, C, true);
  };
  const sublayer = (x: Rows, name: string, f: (x: Rows) => Rows): Rows =>
    model.norm === 'pre' ? plus(x, f(norm(x, name))) : norm(plus(x, f(x)), name);
  const end = (x: Rows, name: string): Rows => (model.norm === 'pre' ? norm(x, name) : x);

  let memory = embedded('encoder', model.sourceTable, source);
  for (let l = 0; l < model.encoderLayers; l++) {
    const layer = `encoder.layers.${l}`;
    memory = sublayer(memory, `${layer}.norm1`, (x) => attend(`${layer}.self_attn`, x, x, () => true));
    memory = sublayer(memory, `${layer}.norm2`, (x) => mlp(`${layer}.ffn`, x));
  }
  const read = end(memory, 'encoder.norm');
  let x = embedded('decoder', model.targetTable, target);
  for (let l = 0; l < model.decoderLayers; l++) {
    const layer = `decoder.layers.${l}`;
    x = sublayer(x, `${layer}.norm1`, (y) => attend(`${layer}.self_attn`, y, y, (t, s) => s <= t));
    x = sublayer(x, `${layer}.norm2`, (y) => attend(`${layer}.cross_attn`, y, read, () => true));
    x = sublayer(x, `${layer}.norm3`, (y) => mlp(`${layer}.ffn`, y));
  }
  const rows = weights(model.headTable);
  return end(x, 'decoder.norm').map((row) =>
    Array.from({ length: model.vocabSize }, (_, id) => dot(row, rows, id * C)),
  );
}
