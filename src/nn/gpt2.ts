// GPT-2 as Hugging Face has it: names, Conv1D layout (in, out), tied head, gelu_new; initialised as nanoGPT does.
// Source: Radford et al. 2019; transformers' modeling_gpt2.py for names and layouts; karpathy/nanoGPT for the initialisation.
import { recompute as again, scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { add } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { part } from '../ops/part.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ACTIVATIONS } from './activation.ts';
import { attendPacked } from './attend.ts';
import { DropoutPlaces } from './dropout.ts';
import { fittingHeads, type GPT2Config } from './gpt2_config.ts';
import { apply, applyOnto, exchanged, type Linear, type Norm, normalise } from './layers.ts';
import type { ForwardOptions, LanguageModel } from './model.ts';
import { type ModelOptions, ParameterList } from './parameter_list.ts';
import type { Table, TableLossOptions } from './table.ts';

export { type GPT2Config, gpt2Config } from './gpt2_config.ts';

/** What a model is made of; its views share all of it but linear layers. */
interface Parts {
  parameters: readonly Tensor[];
  wte: Table;
  wpe: Tensor;
  /** Of each block. */
  norms: { ln1: Norm; ln2: Norm }[];
  linears: ReadonlyMap<string, Linear>;
  lnF: Norm;
  head: Table;
}

export class GPT2 implements LanguageModel {
  readonly family = 'gpt2';
  readonly config: GPT2Config;
  /** In the order of the file; a table in pieces has a tensor for each. */
  readonly parameters: readonly Tensor[];
  readonly linears: ReadonlyMap<string, Linear>;
  #parts: Parts;

  /**
   * @param from how a new model begins, or the parts of another
   * @throws InputError if the width is not divisible by the heads
   */
  constructor(config: GPT2Config, from: ModelOptions | Parts) {
    this.config = config;
    this.#parts = 'seed' in from ? makeParts(config, from) : from;
    this.parameters = this.#parts.parameters;
    this.linears = this.#parts.linears;
  }

  withLinears(changed: ReadonlyMap<string, Linear>): GPT2 {
    return new GPT2(this.config, { ...this.#parts, linears: exchanged(this.linears, changed) });
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  get keyWidths(): number[] {
    return Array.from(this.#parts.norms, () => this.config.nEmbd);
  }

  /** The last hidden states, normalised.     ids (B,T) i32  ->  (B,T,C) */
  hidden(ids: Tensor, options: ForwardOptions = {}): Tensor {
    const { positions, starts, cache, dropout, recompute, dtype = 'f32', onLayer } = options;
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(`model: ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`);
    const { nHead, nEmbd, layerNormEps: eps } = this.config;
    const activate = ACTIVATIONS[this.config.activation];
    const { wte, wpe, norms, lnF } = this.#parts;
    const places = new DropoutPlaces(dropout);
    // Positions 0, 1, .. T-1 are the table's first rows as they stand: nothing is looked up.
    const placed = () => (positions ? embedding(wpe, positions, { dtype }) : cast(part(wpe, 0, [T, nEmbd]), dtype));
    const ended = (x: Tensor) => scope('ln_f', () => normalise(x, lnF, eps));
    let x = scope('embed', () => places.apply(add(wte.lookup(ids, dtype), placed())));
    norms.forEach(({ ln1, ln2 }, i) => {
      onLayer?.(i, ended(x));
      const linear = (name: string) => this.linears.get(`transformer.h.${i}.${name}`)!;
      const block = () => {
        const attended = scope('attn', () => {
          const qkv = apply(normalise(x, ln1, eps), linear('attn.c_attn'), places);
          const y = attendPacked(cache, i, qkv, { heads: nHead, causal: true, starts, dropout: places.attention() });
          return applyOnto(x, y, linear('attn.c_proj'), places);
        });
        return scope('mlp', () => {
          const y = activate(apply(normalise(attended, ln2, eps), linear('mlp.c_fc'), places));
          return applyOnto(attended, y, linear('mlp.c_proj'), places);
        });
      };
      x = scope(`h.${i}`, () => (recompute ? again(block) : block()));
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

function makeParts(config: GPT2Config, options: ModelOptions): Parts {
  const { vocabSize: V, blockSize, nEmbd: C, nLayer, nHead, nInner, initializerRange: std } = config;
  if (C % nHead !== 0)
    throw new InputError(`model: width ${C} is not divisible by ${nHead} heads; use ${fittingHeads(C, nHead)} heads.`);
  const list = new ParameterList(options);
  const linears = new Map<string, Linear>();
  const linear = (name: string, fanIn: number, fanOut: number, deviation = std) =>
    linears.set(`transformer.${name}`, {
      weight: list.weight(`transformer.${name}.weight`, [fanIn, fanOut], deviation),
      bias: config.bias ? list.filled(`transformer.${name}.bias`, [fanOut]) : null,
    });
  const norm = (name: string): Norm => ({
    weight: list.filled(`transformer.${name}.weight`, [C], 1),
    bias: config.bias ? list.filled(`transformer.${name}.bias`, [C]) : null,
  });

  const tables = options.embeddingStd ?? std;
  const wte = list.table('transformer.wte.weight', [V, C], tables);
  const wpe = list.random('transformer.wpe.weight', [blockSize, C], tables);
  // Projections back into the residual stream are scaled by the number of additions to it (GPT-2, section 2.3).
  const residual = std / Math.sqrt(2 * nLayer);
  const norms = Array.from({ length: nLayer }, (_, i) => {
    const ln1 = norm(`h.${i}.ln_1`);
    linear(`h.${i}.attn.c_attn`, C, 3 * C);
    linear(`h.${i}.attn.c_proj`, C, C, residual);
    const ln2 = norm(`h.${i}.ln_2`);
    linear(`h.${i}.mlp.c_fc`, C, nInner);
    linear(`h.${i}.mlp.c_proj`, nInner, C, residual);
    return { ln1, ln2 };
  });
  const lnF = norm('ln_f');
  const head = config.tieWordEmbeddings ? wte : list.table('lm_head.weight', [V, C], std);
  return { parameters: list.finish(), wte, wpe, norms, linears, lnF, head };
}
