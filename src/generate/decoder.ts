// One pass of a model over new tokens, with the keys and values of earlier ones in a cache: what every way to generate is made of.
import type { Batch, Compiled, Machine, Output } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { layerCaches } from '../nn/kv_cache.ts';
import type { LanguageModel } from '../nn/model.ts';
import { argmax } from '../ops/argmax.ts';
import { cacheReorder } from '../ops/cache_reorder.ts';
import { assign } from '../ops/copy.ts';
import { embedding } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import { softmaxStats } from '../ops/softmax_stats.ts';
import { type HostArray, type Precision, Tensor } from '../tensor/tensor.ts';

/** What tokens are made with: a language model, or the decoder of a transformer that looks at a source. */
export type Writer = Pick<LanguageModel, 'blockSize' | 'keyWidths' | 'hidden' | 'head'>;

export interface DecoderOptions {
  /** Texts side by side. */
  rows: number;
  /** Tokens of a text that the cache holds, at most the model's context. */
  capacity: number;
  /** Of values between layers, and of the cache. */
  dtype: Precision;
  /** Tensors that stand in for parameters, such as averaged weights. */
  parameters?: ReadonlyMap<Tensor, Tensor> | undefined;
}

/** What a pass gives: the most probable token of each row, (B) i32, chosen on the machine; or the logits (B,V). */
export type Wanted = 'token' | 'logits';

/** Row b becomes a copy of row rows[b], from position begin[b] on. See cacheReorder. */
export interface Places {
  rows: readonly number[];
  begin: readonly number[];
}

/** A model on a machine, with a cache of its own. A function is compiled for what is wanted; a plan for each number of tokens. */
export class Decoder {
  readonly rows: number;
  readonly capacity: number;
  #model: Writer;
  #machine: Machine;
  #dtype: Precision;
  #parameters: DecoderOptions['parameters'];
  #layers: ReturnType<typeof layerCaches>;
  /** (B,1): what was chosen last. The next pass can read it without the host. */
  #chosen: Tensor;
  #compiled: Partial<Record<keyof Decoder['functions'], Compiled>> = {};

  constructor(machine: Machine, model: Writer, { rows, capacity, dtype, parameters }: DecoderOptions) {
    this.rows = rows;
    this.capacity = capacity;
    this.#model = model;
    this.#machine = machine;
    this.#dtype = dtype;
    this.#parameters = parameters;
    this.#layers = layerCaches(model, rows, capacity, dtype);
    this.#chosen = new Tensor({ kind: 'state', name: 'chosen', shape: [rows, 1], dtype: 'i32' });
  }

  /** A pass as a function over a batch: what is compiled and planned. Without ids it reads those that it chose last. */
  readonly functions = {
    token: (batch: Record<string, Tensor>) => ({ token: this.#choose(this.#logits(batch)) }),
    /** The token, and of its row what softmaxStats says. */
    scored: (batch: Record<string, Tensor>) => {
      const logits = this.#logits(batch);
      const token = this.#choose(logits);
      return { token, stats: softmaxStats(logits, token) };
    },
    logits: (batch: Record<string, Tensor>) => ({ logits: this.#logits(batch) }),
  };

  #choose(logits: Tensor): Tensor {
    const token = argmax(logits);
    assign(this.#chosen, reshape(token, this.#chosen.shape));
    return token;
  }

  #logits({ ids = this.#chosen, positions, start, last, rows: from, begin }: Record<string, Tensor>): Tensor {
    if (from) for (const layer of this.#layers) cacheReorder(layer, { rows: from, begin: begin!, end: start! });
    const cache = { layers: this.#layers, start: start! };
    const hidden = this.#model.hidden(ids, { positions: positions!, cache, dtype: this.#dtype });
    const rows = reshape(hidden, [ids.size, hidden.shape.at(-1)!]);
    // One row of each text goes through the head: the logits of all would not fit for a large vocabulary.
    return this.#model.head(last ? embedding(rows, last) : rows);
  }

  /**
   * Feeds each row its new tokens, behind the first `starts[b]` of its cache.
   * @param places what rows first become
   * @returns the token or the logits behind the last one of each row
   */
  async feed(
    tokens: readonly (readonly number[])[],
    starts: readonly number[],
    wanted: Wanted,
    places?: Places,
  ): Promise<Output> {
    const longest = Math.max(...tokens.map((row) => row.length));
    const batch = this.batch(longest, starts, tokens);
    return (await this.#run(places ? { ...batch, ...this.moved(places) } : batch, wanted))[wanted]!;
  }

  /** Feeds each row the token that was chosen last, without the host knowing it. */
  async feedChosen(starts: readonly number[], wanted: Wanted): Promise<Output> {
    return (await this.#run(this.batch(1, starts), wanted))[wanted]!;
  }

  /** The same, with the logarithm of each token's probability. */
  async feedScored(
    starts: readonly number[],
  ): Promise<() => Promise<{ tokens: HostArray; logProbabilities: number[] }>> {
    const { token, stats } = await this.#run(this.batch(1, starts), 'scored');
    return async () => {
      const [tokens, rows] = [await token!.read(), await stats!.read()];
      // Of the largest logit nothing but the logarithm of the sum is left.
      return { tokens, logProbabilities: Array.from(tokens, (_, b) => -rows[4 * b + 1]!) };
    };
  }

  /** Writes what feedChosen reads next. */
  choose(tokens: readonly number[]): void {
    this.#machine.write(this.#chosen, Int32Array.from(tokens));
  }

  /** What a batch has besides where rows change places. */
  moved({ rows, begin }: Places): Batch {
    const shape = [this.rows];
    return { rows: { shape, data: Int32Array.from(rows) }, begin: { shape, data: Float32Array.from(begin) } };
  }

  /** The batch for `length` new tokens a row; rows that have fewer are filled up with zeros, which nobody sees. */
  batch(length: number, starts: readonly number[], tokens?: readonly (readonly number[])[]): Batch {
    const [B, T] = [this.rows, Math.min(length === 1 ? 1 : bucket(length), this.capacity)];
    const most = this.#model.blockSize - 1;
    const positions = Int32Array.from({ length: B * T }, (_, i) =>
      Math.min(starts[Math.floor(i / T)]! + (i % T), most),
    );
    const last = Int32Array.from({ length: B }, (_, b) => b * T + (tokens?.[b]?.length ?? length) - 1);
    const ids = new Int32Array(B * T);
    tokens?.forEach((row, b) => void ids.set(row, b * T));
    return {
      ...(tokens && { ids: { shape: [B, T], data: ids } }),
      positions: { shape: [B, T], data: positions },
      start: { shape: [B], data: Float32Array.from(starts) },
      ...(T > 1 && { last: { shape: [B], data: last } }),
    };
  }

  #run(batch: Batch, wanted: keyof Decoder['functions']): Promise<Record<string, Output>> {
    const options = this.#parameters && { parameters: this.#parameters };
    let compiled = this.#compiled[wanted];
    if (!compiled)
      this.#compiled[wanted] = compiled = this.#machine.compile<Record<string, Tensor>>(
        this.functions[wanted],
        options,
      );
    return compiled(batch);
  }

  release(): void {
    for (const compiled of Object.values(this.#compiled)) compiled.release();
    this.#compiled = {};
    this.#machine.release([this.#chosen, ...this.#layers.flatMap(({ keys, values }) => [keys, values])]);
  }
}
