// GPT-2 as Hugging Face has it: names, Conv1D layout (in, out), tied head, gelu_new; initialised as nanoGPT does.
// Source: Radford et al. 2019; transformers' modeling_gpt2.py for names and layouts; karpathy/nanoGPT for the initialisation.
import { scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { gelu, relu, silu } from '../ops/activations.ts';
import { add } from '../ops/add.ts';
import { attentionPacked } from '../ops/attention.ts';
import { embedding } from '../ops/embedding.ts';
import { layernorm } from '../ops/layernorm.ts';
import { matmul } from '../ops/matmul.ts';
import { constant } from '../ops/op.ts';
import { normal } from '../tensor/random.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Activation, fittingHeads, type GPT2Config } from './gpt2_config.ts';
import type { LanguageModel } from './model.ts';

export { type GPT2Config, gpt2Config } from './gpt2_config.ts';

const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  gelu_new: (x) => gelu(x, 'tanh'),
  gelu: (x) => gelu(x, 'erf'),
  relu,
  silu,
};

interface Norm {
  weight: Tensor;
  bias: Tensor | null;
}
/** Conv1D: weight (in, out). */
interface Linear {
  weight: Tensor;
  bias: Tensor | null;
}
interface Block {
  ln1: Norm;
  attn: { qkv: Linear; proj: Linear };
  ln2: Norm;
  mlp: { fc: Linear; proj: Linear };
}

export class GPT2 implements LanguageModel {
  readonly family = 'gpt2';
  readonly config: GPT2Config;
  /** By Hugging Face's names, in the order of the file. */
  readonly parameters: readonly Tensor[];
  #wte: Tensor;
  #wpe: Tensor;
  #blocks: Block[];
  #lnF: Norm;
  #head: Tensor;

  /**
   * @param seed of the initial weights
   * @throws InputError if the width is not divisible by the heads
   */
  constructor(config: GPT2Config, { seed }: { seed: number }) {
    const { vocabSize: V, blockSize, nEmbd: C, nLayer, nHead, nInner, initializerRange: std } = config;
    if (C % nHead !== 0)
      throw new InputError(
        `model: width ${C} is not divisible by ${nHead} heads; use ${fittingHeads(C, nHead)} heads.`,
      );
    this.config = config;
    const parameters: Tensor[] = [];
    const make = (name: string, shape: number[], init?: () => Float32Array) => {
      const tensor = new Tensor({ kind: 'parameter', name: `transformer.${name}`, shape, ...(init && { init }) });
      parameters.push(tensor);
      return tensor;
    };
    const random = (name: string, shape: number[], deviation = std) => {
      const stream = parameters.length;
      return make(name, shape, () => normal(shape[0]! * shape[1]!, deviation, seed, stream));
    };
    const linear = (name: string, fanIn: number, fanOut: number, deviation = std): Linear => ({
      weight: random(`${name}.weight`, [fanIn, fanOut], deviation),
      bias: config.bias ? make(`${name}.bias`, [fanOut]) : null,
    });
    const norm = (name: string): Norm => ({
      weight: make(`${name}.weight`, [C], () => new Float32Array(C).fill(1)),
      bias: config.bias ? make(`${name}.bias`, [C]) : null,
    });

    this.#wte = random('wte.weight', [V, C]);
    this.#wpe = random('wpe.weight', [blockSize, C]);
    // Projections back into the residual stream are scaled by the number of additions to it (GPT-2, section 2.3).
    const residual = std / Math.sqrt(2 * nLayer);
    this.#blocks = Array.from({ length: nLayer }, (_, i) => ({
      ln1: norm(`h.${i}.ln_1`),
      attn: { qkv: linear(`h.${i}.attn.c_attn`, C, 3 * C), proj: linear(`h.${i}.attn.c_proj`, C, C, residual) },
      ln2: norm(`h.${i}.ln_2`),
      mlp: { fc: linear(`h.${i}.mlp.c_fc`, C, nInner), proj: linear(`h.${i}.mlp.c_proj`, nInner, C, residual) },
    }));
    this.#lnF = norm('ln_f');
    this.#head = this.#wte;
    if (!config.tieWordEmbeddings) {
      const stream = parameters.length;
      this.#head = new Tensor({
        kind: 'parameter',
        name: 'lm_head.weight',
        shape: [V, C],
        init: () => normal(V * C, std, seed, stream),
      });
      parameters.push(this.#head);
    }
    layOutSlabs(parameters, 'parameters', 'parameters');
    this.parameters = parameters;
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  /** The last hidden states, normalised.     ids (B,T) i32, positions (T) i32 or 0..T-1  ->  (B,T,C) */
  hidden(ids: Tensor, positions?: Tensor): Tensor {
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(`model: ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`);
    const { nHead, layerNormEps: eps } = this.config;
    const at = positions ?? constant('positions', [T], () => Int32Array.from({ length: T }, (_, i) => i), 'i32');
    const normalise = (x: Tensor, { weight, bias }: Norm) => layernorm(x, weight, bias, { eps });
    const activate = ACTIVATIONS[this.config.activation];
    let x = scope('embed', () => add(embedding(this.#wte, ids), embedding(this.#wpe, at)));
    this.#blocks.forEach(({ ln1, attn, ln2, mlp }, i) => {
      x = scope(`h.${i}`, () => {
        const attended = scope('attn', () => {
          const qkv = apply(normalise(x, ln1), attn.qkv);
          return apply(attentionPacked(qkv, { heads: nHead, causal: true }), attn.proj, x);
        });
        return scope('mlp', () => apply(activate(apply(normalise(attended, ln2), mlp.fc)), mlp.proj, attended));
      });
    });
    return scope('ln_f', () => normalise(x, this.#lnF));
  }

  /** Logits of the next token.     hidden (...,C)  ->  (...,V) */
  head(hidden: Tensor): Tensor {
    return scope('head', () => matmul(hidden, this.#head, { transposeB: true }));
  }
}

/** x W + bias (+ residual). */
function apply(x: Tensor, { weight, bias }: Linear, residual?: Tensor): Tensor {
  const y = matmul(x, weight, { bias: bias ?? undefined });
  return residual ? add(residual, y) : y;
}
