// Decoders of Llama's kind once more, as plain loops over float64, written from transformers' modeling files and from nothing in src/:
// what models are compared with. One text at a time; weights by their names in a file.

/** config.json, as far as it is read here. */
export interface HubConfig {
  model_type: 'llama' | 'mistral' | 'qwen3' | 'gemma3_text';
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  rms_norm_eps: number;
  rope_theta: number;
  rope_scaling?: { rope_type: 'linear'; factor: number } | null;
  rope_local_base_freq?: number;
  sliding_window?: number | null;
  layer_types?: readonly string[];
  query_pre_attn_scalar?: number;
  attention_bias?: boolean;
  mlp_bias?: boolean;
  tie_word_embeddings: boolean;
}

type Weights = (name: string) => ArrayLike<number>;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>, from = 0) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[from + i]!, 0);

/** How much one head looked at the token j, as token t was read. */
type Looked = (layer: number, head: number, t: number, j: number, share: number) => void;

/** The logits behind each of the tokens. @param looked is told all attention, what is not seen left out */
export function plainLogits(
  config: HubConfig,
  weights: Weights,
  ids: readonly number[],
  looked: Looked = () => {},
): number[][] {
  const gemma = config.model_type === 'gemma3_text';
  const [C, D, H, KV] = [config.hidden_size, config.head_dim, config.num_attention_heads, config.num_key_value_heads];
  const table = weights('model.embed_tokens.weight');

  const norm = (x: number[], name: string) => {
    const w = weights(`${name}.weight`);
    const r = 1 / Math.sqrt(dot(x, x) / x.length + config.rms_norm_eps);
    return x.map((value, i) => value * r * (gemma ? 1 + w[i]! : w[i]!));
  };
  const linear = (x: number[], name: string, width: number, biased = false) => {
    const w = weights(`${name}.weight`);
    const bias = biased ? weights(`${name}.bias`) : null;
    return Array.from({ length: width }, (_, o) => dot(x, w, o * x.length) + (bias ? bias[o]! : 0));
  };
  const plus = (a: number[], b: number[]) => a.map((x, i) => x + b[i]!);
  const activate = (z: number) =>
    gemma ? 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))) : z / (1 + Math.exp(-z));

  let x = ids.map((id) => Array.from({ length: C }, (_, c) => table[id * C + c]! * (gemma ? Math.sqrt(C) : 1)));
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const layer = `model.layers.${l}`;
    const sliding = gemma ? config.layer_types![l] === 'sliding_attention' : config.model_type === 'mistral';
    const window = sliding ? (config.sliding_window ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const local = gemma && sliding;
    const theta = local ? config.rope_local_base_freq! : config.rope_theta;
    const slower = local ? 1 : (config.rope_scaling?.factor ?? 1);

    /** Heads of a projection: a norm of their own where the family has one, then turned by the position. */
    const heads = (normed: number[], t: number, part: 'q' | 'k', count: number) => {
      const all = linear(normed, `${layer}.self_attn.${part}_proj`, count * D, config.attention_bias);
      return Array.from({ length: count }, (_, h) => {
        let head = all.slice(h * D, (h + 1) * D);
        if (gemma || config.model_type === 'qwen3') head = norm(head, `${layer}.self_attn.${part}_norm`);
        return head.map((value, d) => {
          const i = d % (D / 2);
          const angle = (t / slower) * theta ** ((-2 * i) / D);
          const other = d < D / 2 ? -head[d + D / 2]! : head[d - D / 2]!;
          return value * Math.cos(angle) + other * Math.sin(angle);
        });
      });
    };
    const normed = x.map((row) => norm(row, `${layer}.input_layernorm`));
    const q = normed.map((row, t) => heads(row, t, 'q', H));
    const k = normed.map((row, t) => heads(row, t, 'k', KV));
    const v = normed.map((row) => linear(row, `${layer}.self_attn.v_proj`, KV * D, config.attention_bias));
    const scale = 1 / Math.sqrt(config.query_pre_attn_scalar ?? D);
    const attended = x.map((_, t) => {
      const together: number[] = [];
      for (let h = 0; h < H; h++) {
        const kv = Math.floor(h / (H / KV));
        const seen = ids.map((_, j) => j).filter((j) => j <= t && t - j < window);
        const scores = seen.map((j) => scale * dot(q[t]![h]!, k[j]![kv]!));
        const most = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - most));
        const total = shares.reduce((sum, share) => sum + share, 0);
        for (const [n, j] of seen.entries()) looked(l, h, t, j, shares[n]! / total);
        for (let d = 0; d < D; d++)
          together.push(seen.reduce((sum, j, n) => sum + (shares[n]! / total) * v[j]![kv * D + d]!, 0));
      }
      return linear(together, `${layer}.self_attn.o_proj`, C, config.attention_bias);
    });
    x = x.map((row, t) => plus(row, gemma ? norm(attended[t]!, `${layer}.post_attention_layernorm`) : attended[t]!));
    x = x.map((row) => {
      const given = norm(row, `${layer}.${gemma ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`);
      const gate = linear(given, `${layer}.mlp.gate_proj`, config.intermediate_size, config.mlp_bias);
      const up = linear(given, `${layer}.mlp.up_proj`, config.intermediate_size, config.mlp_bias);
      const inner = gate.map((z, i) => activate(z) * up[i]!);
      const down = linear(inner, `${layer}.mlp.down_proj`, C, config.mlp_bias);
      return plus(row, gemma ? norm(down, `${layer}.post_feedforward_layernorm`) : down);
    });
  }
  const head = config.tie_word_embeddings ? 'model.embed_tokens' : 'lm_head';
  return x.map((row) => linear(norm(row, 'model.norm'), head, config.vocab_size));
}
