// A decoder of Llama's kind as Hugging Face has it: RMS norms, rotary positions, grouped-query attention, a gated MLP; weights stored
// (out, in). What families do differently is said by its spec.
// Source: Touvron et al. 2023 (arXiv:2302.13971); transformers' modeling_llama.py and its siblings for names, layouts and initialisation.
import { recompute as again, scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { gelu } from '../ops/activations.ts';
import { add } from '../ops/add.ts';
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import { mul } from '../ops/mul.ts';
import { reshape } from '../ops/reshape.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import { rope } from '../ops/rope.ts';
import { scale } from '../ops/scale.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { attend } from './attend.ts';
import type { DecoderConfig, DecoderSpec } from './decoder_config.ts';
import { DropoutPlaces } from './dropout.ts';
import { apply, applyOnto, exchanged, type Linear } from './layers.ts';
import type { ForwardOptions, LanguageModel } from './model.ts';
import type { ModelConfig } from './model_config.ts';
import { type ModelOptions, ParameterList } from './parameter_list.ts';
import { ropeTables } from './rope_table.ts';
import type { Table, TableLossOptions } from './table.ts';

/** What a block has beside its linear layers. */
interface Norms {
  /** Of queries and keys, head by head, where the spec has them. */
  heads: Record<'q' | 'k', Tensor> | null;
  /** In front of each, and behind it where the spec has them. */
  attn: { before: Tensor; after: Tensor | null };
  mlp: { before: Tensor; after: Tensor | null };
}

/** What a model is made of; its views share all of it but linear layers. */
interface Parts {
  parameters: readonly Tensor[];
  tokens: Table;
  /** Of each block. */
  norms: Norms[];
  linears: ReadonlyMap<string, Linear>;
  norm: Tensor;
  head: Table;
}

export class Decoder<C extends ModelConfig = ModelConfig> implements LanguageModel {
  readonly family: C['family'];
  readonly config: C;
  /** In the order of transformers' state dict; a table in pieces has a tensor for each. */
  readonly parameters: readonly Tensor[];
  readonly linears: ReadonlyMap<string, Linear>;
  #spec: DecoderSpec;
  #parts: Parts;

  /**
   * @param from how a new model begins, or the parts of another
   * @throws InputError if the heads do not share the kv heads evenly, or a head's width is odd
   */
  constructor(config: C, spec: DecoderSpec, from: ModelOptions | Parts) {
    this.family = config.family;
    this.config = config;
    this.#spec = spec;
    this.#parts = 'seed' in from ? makeParts(spec, from) : from;
    this.parameters = this.#parts.parameters;
    this.linears = this.#parts.linears;
  }

  withLinears(changed: ReadonlyMap<string, Linear>): Decoder<C> {
    return new Decoder(this.config, this.#spec, { ...this.#parts, linears: exchanged(this.linears, changed) });
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  get keyWidths(): number[] {
    const { kvHeads, headDim } = this.#spec.config;
    return this.#parts.norms.map(() => kvHeads * headDim);
  }

  /** The last hidden states, normalised.     ids (B,T) i32  ->  (B,T,C) */
  hidden(ids: Tensor, options: ForwardOptions = {}): Tensor {
    const { positions, starts, cache, dropout, recompute, dtype, onLayer } = options;
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(`model: ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`);
    const { config, layer, normOffset: weightOffset, gate, embeddingScale, scoreScale } = this.#spec;
    const { nHead: heads, kvHeads, headDim, rmsNormEps: eps } = config;
    const { tokens, norms, norm: last } = this.#parts;
    const places = new DropoutPlaces(dropout);
    const layers = norms.map((_, i) => layer(i));
    // Of a packed row no position is beyond its columns.
    const longest = positions && !starts ? (cache?.layers[0]?.keys.shape[1] ?? config.blockSize) : T;
    const tables = scope('rope', () => ropeTables(layers, headDim, longest, positions));

    const norm = (x: Tensor, weight: Tensor) => rmsnorm(x, weight, { eps, weightOffset });
    /** Each head by itself: (B,T,H*D) read as (B,T,H,D). */
    const headNorm = (x: Tensor, weight: Tensor | undefined) =>
      weight
        ? reshape(norm(reshape(x, [...x.shape.slice(0, -1), x.shape.at(-1)! / headDim, headDim]), weight), x.shape)
        : x;
    const onto = (x: Tensor, y: Tensor, linear: Linear, after: Tensor | null) =>
      after ? add(x, places.apply(norm(apply(y, linear, places), after))) : applyOnto(x, y, linear, places);
    const gated = (z: Tensor, up: Tensor) => (gate === 'silu' ? swiglu(z, up) : mul(gelu(z, 'tanh'), up));

    const ended = (x: Tensor) => scope('norm', () => norm(x, last));
    let x = scope('embed', () => {
      const found = tokens.lookup(ids, dtype);
      return places.apply(embeddingScale === 1 ? found : scale(found, embeddingScale));
    });
    norms.forEach(({ heads: own, attn, mlp }, i) => {
      onLayer?.(i, ended(x));
      const { window } = layers[i]!;
      const linear = (name: string) => this.linears.get(`model.layers.${i}.${name}_proj`)!;
      const project = (x: Tensor, name: string) => apply(x, linear(name), places);
      const block = () => {
        const attended = scope('attn', () => {
          const normed = norm(x, attn.before);
          const q = rope(headNorm(project(normed, 'self_attn.q'), own?.q), tables[i]!, { heads });
          const k = rope(headNorm(project(normed, 'self_attn.k'), own?.k), tables[i]!, { heads: kvHeads });
          const v = project(normed, 'self_attn.v');
          const kept = { window, starts, dropout: places.attention() };
          const options = { heads, kvHeads, causal: true, scale: scoreScale, ...kept };
          return onto(x, attend(cache, i, q, k, v, options), linear('self_attn.o'), attn.after);
        });
        return scope('mlp', () => {
          const normed = norm(attended, mlp.before);
          const inner = gated(project(normed, 'mlp.gate'), project(normed, 'mlp.up'));
          return onto(attended, inner, linear('mlp.down'), mlp.after);
        });
      };
      x = scope(`layers.${i}`, () => (recompute ? again(block) : block()));
    });
    const hidden = ended(x);
    onLayer?.(norms.length, hidden);
    return hidden;
  }

  /** Logits of the next token.     hidden (...,C)  ->  (...,V) */
  head(hidden: Tensor): Tensor {
    return scope('head', () => this.#parts.head.logits(hidden));
  }

  /** The cross-entropy of those logits. See Table.loss. */
  loss(hidden: Tensor, targets: Tensor, options?: TableLossOptions): CrossEntropy {
    return scope('head', () => this.#parts.head.loss(hidden, targets, options));
  }
}

function makeParts(spec: DecoderSpec, options: ModelOptions): Parts {
  refuseHeads(spec.config);
  const { vocabSize: V, nEmbd: width, nLayer, initializerRange: std, tieWordEmbeddings } = spec.config;
  const list = new ParameterList(options);
  const linears = new Map<string, Linear>();
  const tokens = list.table('model.embed_tokens.weight', [V, width], options.embeddingStd ?? std);
  const norms = Array.from({ length: nLayer }, (_, i) => makeBlock(list, linears, `model.layers.${i}`, spec));
  const norm = list.filled('model.norm.weight', [width], 1 - spec.normOffset);
  const head = tieWordEmbeddings ? tokens : list.table('lm_head.weight', [V, width], std);
  return { parameters: list.finish(), tokens, norms, linears, norm, head };
}

/** Names and order as transformers has them. Its linear layers go into `linears`. */
function makeBlock(list: ParameterList, linears: Map<string, Linear>, layer: string, spec: DecoderSpec): Norms {
  const { config, mlpBias, qkNorm, normsAfter, normOffset } = spec;
  const { nEmbd: C, nHead, kvHeads, headDim, nInner, attentionBias, initializerRange: std } = config;
  const linear = (name: string, fanIn: number, fanOut: number, bias: boolean) =>
    linears.set(`${layer}.${name}_proj`, {
      weight: list.weight(`${layer}.${name}_proj.weight`, [fanOut, fanIn], std),
      bias: bias ? list.filled(`${layer}.${name}_proj.bias`, [fanOut]) : null,
      stored: 'out_in',
    });
  const norm = (name: string, width = C) => list.filled(`${layer}.${name}.weight`, [width], 1 - normOffset);
  const attn = (name: string, fanIn: number, fanOut: number) =>
    linear(`self_attn.${name}`, fanIn, fanOut, attentionBias);
  const inner = (name: string, fanIn: number, fanOut: number) => linear(`mlp.${name}`, fanIn, fanOut, mlpBias);
  const [Q, KV] = [nHead * headDim, kvHeads * headDim];
  attn('q', C, Q);
  attn('k', C, KV);
  attn('v', C, KV);
  attn('o', Q, C);
  const heads = qkNorm ? { q: norm('self_attn.q_norm', headDim), k: norm('self_attn.k_norm', headDim) } : null;
  inner('gate', C, nInner);
  inner('up', C, nInner);
  inner('down', nInner, C);
  const before = norm('input_layernorm');
  // The same name stands for the norm in front of the MLP where there are two norms, and for the one behind attention where there are four.
  const post = norm('post_attention_layernorm');
  if (!normsAfter) return { heads, attn: { before, after: null }, mlp: { before: post, after: null } };
  const mlp = { before: norm('pre_feedforward_layernorm'), after: norm('post_feedforward_layernorm') };
  return { heads, attn: { before, after: post }, mlp };
}

function refuseHeads({ nHead, kvHeads, headDim }: DecoderConfig): void {
  if (nHead % kvHeads !== 0)
    throw new InputError(`model: ${nHead} heads cannot share ${kvHeads} kv heads evenly; use a divisor of ${nHead}.`);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new InputError(
      `model: found heads of width ${headDim}, expected an even whole number: their halves are turned as pairs. Change the width or the number of heads.`,
    );
}
