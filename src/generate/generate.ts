// Generation: one forward pass a token over the window that the context holds.
import type { Batch, Compiled, Machine } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { embedding } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { chooseToken, type SamplingOptions } from './sampling.ts';

export interface GenerateOptions extends SamplingOptions {
  maxNewTokens: number;
  /** Generation ends after this token. */
  eosId?: number | null;
  /** Tokens the model sees at most; by default its context. Earlier ones are cropped off, and positions start at 0 again, as nanoGPT does. */
  window?: number;
}

export interface GeneratedToken {
  id: number;
  /** (V), before temperature and filters. */
  logits: Float32Array;
}

/** Makes tokens with one model on one machine; holds the plan for it. */
export class TokenGenerator {
  #model: LanguageModel;
  #next: Compiled;
  #dtype: Precision;

  /** @param dtype of values between layers, see ForwardOptions */
  constructor(machine: Machine, model: LanguageModel, dtype: Precision = 'f32') {
    this.#model = model;
    this.#dtype = dtype;
    this.#next = machine.compile(this.stepFunction);
  }

  /** One token as a function over a batch: what is compiled and planned. */
  readonly stepFunction = ({ ids, last }: Record<string, Tensor>) => {
    const hidden = this.#model.hidden(ids!, { dtype: this.#dtype });
    const C = hidden.shape.at(-1)!;
    // Only one row goes through the head: the whole context's logits would not fit for a large vocabulary.
    const row = embedding(reshape(hidden, [hidden.size / C, C]), last!);
    return { logits: this.#model.head(row) };
  };

  /** A batch of each shape that generation of so many tokens asks for: each has a plan. */
  shapes(promptLength: number, newTokens: number): Batch[] {
    const seen = (n: number) => Math.min(n, this.#model.blockSize);
    const lengths = Array.from({ length: newTokens }, (_, i) => this.#length(seen(promptLength + i)));
    return [...new Set(lengths)].map((length) => batchOf(new Int32Array(length), 0));
  }

  /** A few lengths serve all: behind the last token stand zeros, which a causal model does not see. */
  #length(seen: number): number {
    return Math.min(this.#model.blockSize, bucket(seen));
  }

  /** Logits (V) of what follows `ids`, of which the last `window` are seen. @throws InputError for no ids, or one outside the vocabulary */
  async logits(ids: readonly number[], window = this.#model.blockSize): Promise<Float32Array> {
    if (ids.length === 0) throw new InputError('generate: the prompt is empty. Give at least one token.');
    const { blockSize, vocabSize } = this.#model;
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
        throw new InputError(`generate: token id ${id} is outside 0..${vocabSize - 1}, the vocabulary of this model.`);
    }
    const seen = ids.slice(-Math.min(window, blockSize));
    const data = new Int32Array(this.#length(seen.length));
    data.set(seen);
    const out = await this.#next(batchOf(data, seen.length - 1));
    return (await out.logits!.read()) as Float32Array;
  }

  /** New tokens one by one, until maxNewTokens or eosId. @throws InputError as `logits`, and where the model gives NaN */
  async *generate(prompt: readonly number[], options: GenerateOptions): AsyncGenerator<GeneratedToken> {
    const ids = [...prompt];
    for (let i = 0; i < options.maxNewTokens; i++) {
      const logits = await this.logits(ids, options.window);
      const id = chooseToken(logits, ids, i, options);
      ids.push(id);
      yield { id, logits };
      if (id === options.eosId) return;
    }
  }

  release(): void {
    this.#next.release();
  }
}

function batchOf(ids: Int32Array, last: number): Batch {
  return { ids: { shape: [1, ids.length], data: ids }, last: { shape: [1], data: Int32Array.of(last) } };
}

/** Lengths that get a plan: multiples of 16 up to 128, then powers of two. */
function bucket(n: number): number {
  return n <= 128 ? Math.ceil(n / 16) * 16 : 2 ** Math.ceil(Math.log2(n));
}
