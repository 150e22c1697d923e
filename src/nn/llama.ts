// Llama as Hugging Face has it: RMS norm, rotary positions, grouped-query attention, SwiGLU; weights stored (out, in).
// Source: Touvron et al. 2023 (arXiv:2302.13971); transformers' modeling_llama.py for names, layouts and initialisation.
import { recompute as again, scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { attention } from '../ops/attention.ts';
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { constant } from '../ops/op.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import { type RopeTable, rope } from '../ops/rope.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { DropoutPlaces } from './dropout.ts';
import { apply, applyOnto, type Linear } from './layers.ts';
import type { LlamaConfig } from './llama_config.ts';
import type { ForwardOptions, LanguageModel } from './model.ts';
import { ParameterList } from './parameter_list.ts';
import { ropeAngles, ropeFrequencies } from './rope_table.ts';
import type { Table, TableLossOptions } from './table.ts';

export { type LlamaConfig, llamaConfig } from './llama_config.ts';

interface Block {
  attn: Record<'q' | 'k' | 'v' | 'o', Linear>;
  mlp: Record<'gate' | 'up' | 'down', Linear>;
  /** In front of each. */
  norms: { attn: Tensor; mlp: Tensor };
}

export class Llama implements LanguageModel {
  readonly family = 'llama';
  readonly config: LlamaConfig;
  /** In the order of transformers' state dict; a table in pieces has a tensor for each. */
  readonly parameters: readonly Tensor[];
  #tokens: Table;
  #blocks: Block[];
  #norm: Tensor;
  #head: Table;

  /**
   * @param options.seed of the initial weights
   * @param options.embeddingStd of the token table's first values; by default the configuration's
   * @param options.pieceBytes of the largest tensor that the token table is stored in; see piecesOf
   * @throws InputError if the heads do not share the kv heads evenly, or a head's width is odd
   */
  constructor(
    config: LlamaConfig,
    { seed, pieceBytes, embeddingStd }: { seed: number; pieceBytes?: number; embeddingStd?: number | undefined },
  ) {
    refuseHeads(config);
    const { vocabSize: V, nEmbd: C, nLayer, nHead, kvHeads, headDim, nInner, initializerRange: std } = config;
    this.config = config;
    const list = new ParameterList(seed, pieceBytes);
    const linear = (name: string, fanIn: number, fanOut: number, bias: boolean): Linear => ({
      weight: list.random(`model.${name}.weight`, [fanOut, fanIn], std),
      bias: bias ? list.filled(`model.${name}.bias`, [fanOut]) : null,
      stored: 'out_in',
    });
    const norm = (name: string) => list.filled(`model.${name}.weight`, [C], 1);

    this.#tokens = list.table('model.embed_tokens.weight', [V, C], embeddingStd ?? std);
    const [Q, KV] = [nHead * headDim, kvHeads * headDim];
    const { attentionBias, mlpBias } = config;
    this.#blocks = Array.from({ length: nLayer }, (_, i) => {
      const attn = (name: string, fanIn: number, fanOut: number) =>
        linear(`layers.${i}.self_attn.${name}_proj`, fanIn, fanOut, attentionBias);
      const mlp = (name: string, fanIn: number, fanOut: number) =>
        linear(`layers.${i}.mlp.${name}_proj`, fanIn, fanOut, mlpBias);
      return {
        attn: { q: attn('q', C, Q), k: attn('k', C, KV), v: attn('v', C, KV), o: attn('o', Q, C) },
        mlp: { gate: mlp('gate', C, nInner), up: mlp('up', C, nInner), down: mlp('down', nInner, C) },
        norms: { attn: norm(`layers.${i}.input_layernorm`), mlp: norm(`layers.${i}.post_attention_layernorm`) },
      };
    });
    this.#norm = norm('norm');
    this.#head = config.tieWordEmbeddings ? this.#tokens : list.table('lm_head.weight', [V, C], std);
    this.parameters = list.finish();
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  /** The last hidden states, normalised.     ids (B,T) i32  ->  (B,T,C) */
  hidden(ids: Tensor, { positions, dropout, recompute, dtype }: ForwardOptions = {}): Tensor {
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(`model: ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`);
    const { nHead: heads, kvHeads, rmsNormEps: eps } = this.config;
    const places = new DropoutPlaces(dropout);
    const table = scope('rope', () => this.#angles(T, positions));
    let x = scope('embed', () => places.apply(this.#tokens.lookup(ids, dtype)));
    this.#blocks.forEach(({ attn, mlp, norms }, i) => {
      const block = () => {
        const attended = scope('attn', () => {
          const normed = rmsnorm(x, norms.attn, { eps });
          const q = rope(apply(normed, attn.q), table, { heads });
          const k = rope(apply(normed, attn.k), table, { heads: kvHeads });
          const v = apply(normed, attn.v);
          const y = attention(q, k, v, { heads, kvHeads, causal: true, dropout: places.attention() });
          return applyOnto(x, y, attn.o, places);
        });
        return scope('mlp', () => {
          const normed = rmsnorm(attended, norms.mlp, { eps });
          return applyOnto(attended, swiglu(apply(normed, mlp.gate), apply(normed, mlp.up)), mlp.down, places);
        });
      };
      x = scope(`layers.${i}`, () => (recompute ? again(block) : block()));
    });
    return scope('norm', () => rmsnorm(x, this.#norm, { eps }));
  }

  /** Logits of the next token.     hidden (...,C)  ->  (...,V) */
  head(hidden: Tensor): Tensor {
    return scope('head', () => this.#head.logits(hidden));
  }

  /** The cross-entropy of those logits. See Table.loss. */
  loss(hidden: Tensor, targets: Tensor, options?: TableLossOptions): CrossEntropy {
    return scope('head', () => this.#head.loss(hidden, targets, options));
  }

  /** Of positions 0 to T-1, or those given, looked up among all that the context has. */
  #angles(T: number, positions: Tensor | undefined): RopeTable {
    const { headDim, ropeTheta, ropeScaling, blockSize } = this.config;
    const rows = positions ? blockSize : T;
    const all = ropeAngles(
      Array.from({ length: rows }, (_, t) => t),
      ropeFrequencies(headDim, ropeTheta, ropeScaling),
    );
    const table = {
      cosines: constant('cosines', [rows, headDim / 2], all.cosines),
      sines: constant('sines', [rows, headDim / 2], all.sines),
    };
    if (!positions) return table;
    return { cosines: embedding(table.cosines, positions), sines: embedding(table.sines, positions) };
  }
}

function refuseHeads({ nHead, kvHeads, headDim }: LlamaConfig): void {
  if (nHead % kvHeads !== 0)
    throw new InputError(`model: ${nHead} heads cannot share ${kvHeads} kv heads evenly; use a divisor of ${nHead}.`);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new InputError(
      `model: found heads of width ${headDim}, expected an even whole number: their halves are turned as pairs. Change the width or the number of heads.`,
    );
}
