// Generation of one text: the prompt in one pass, then a pass for each token, with the keys and values of all earlier ones in a cache.
import type { Batch, Compiled, Machine, Output } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { InputError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { embedding } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { Decoder, type Wanted } from './decoder.ts';
import { chooseToken, refuseNaN, type SamplingOptions } from './sampling.ts';

export interface GenerateOptions extends SamplingOptions {
  maxNewTokens: number;
  /** Generation ends after this token, or any of these. */
  eosId?: number | readonly number[] | null;
  /**
   * Tokens the model sees at most; by default its context. Earlier ones are cropped off, and positions start at 0 again, as nanoGPT
   * does: from there on each token costs a pass over the whole window.
   */
  window?: number;
  /** Each token comes with its logits. Without, only where they were needed on the host to choose it. */
  logits?: boolean;
  /**
   * What the text of the last call has in common with the beginning of this one is not computed again. Only for weights that have
   * not changed since.
   */
  reuse?: boolean;
}

export interface GeneratedToken {
  id: number;
  /** (V), before temperature and filters; null where the token was chosen on the machine. */
  logits: Float32Array | null;
}

/** Tokens that the cache is made for beyond the prompt, where more may come: it grows when they do. */
const ROOM = 256;

/** What stands in the cache: the tokens of one call. */
interface Held {
  ids: number[];
}

/** Makes tokens with one model on one machine; holds its plans and its cache. */
export class TokenGenerator {
  #machine: Machine;
  #model: LanguageModel;
  #dtype: Precision;
  #decoder: Decoder | null = null;
  #held: Held = { ids: [] };
  #next: Compiled;

  /** @param dtype of values between layers and of the cache, see ForwardOptions */
  constructor(machine: Machine, model: LanguageModel, dtype: Precision = 'f32') {
    this.#machine = machine;
    this.#model = model;
    this.#dtype = dtype;
    this.#next = machine.compile(this.stepFunction);
  }

  /** One token without a cache, as a function over a batch. */
  readonly stepFunction = ({ ids, last }: Record<string, Tensor>) => {
    const hidden = this.#model.hidden(ids!, { dtype: this.#dtype });
    const C = hidden.shape.at(-1)!;
    const row = embedding(reshape(hidden, [hidden.size / C, C]), last!);
    return { logits: this.#model.head(row) };
  };

  /** Every function that sampling so many tokens runs, with a batch of each shape: each has a plan. */
  planned(promptLength: number, newTokens: number): { fn: Decoder['functions']['logits']; batch: Batch }[] {
    const { blockSize } = this.#model;
    const decoder = this.#decoderFor(promptLength, newTokens, blockSize);
    const length = (n: number) => Math.min(n, blockSize);
    const lengths = [length(promptLength), ...(newTokens > 1 ? [1] : [])];
    // Past the context each token is a pass over the whole window.
    if (promptLength + newTokens - 1 > blockSize) lengths.push(blockSize);
    const batches = lengths.map((n) => decoder.batch(n, [0], [[]]));
    const unlike = new Map(batches.map((batch) => [batch.ids!.shape[1], batch]));
    return [...unlike.values()].map((batch) => ({ fn: decoder.functions.logits, batch }));
  }

  /**
   * Logits (V) of what follows `ids`, of which the last `window` are seen: in one pass, without the cache.
   * @throws InputError for no ids, or one outside the vocabulary
   */
  async logits(ids: readonly number[], window = this.#model.blockSize): Promise<Float32Array> {
    refuseIds(ids, this.#model);
    const { blockSize } = this.#model;
    const seen = ids.slice(-Math.min(window, blockSize));
    const data = new Int32Array(Math.min(blockSize, bucket(seen.length)));
    data.set(seen);
    const out = await this.#next({
      ids: { shape: [1, data.length], data },
      last: { shape: [1], data: Int32Array.of(seen.length - 1) },
    });
    return (await out.logits!.read()) as Float32Array;
  }

  /** New tokens one by one, until maxNewTokens or eosId. @throws InputError as `logits`, and where the model gives NaN */
  async *generate(prompt: readonly number[], options: GenerateOptions): AsyncGenerator<GeneratedToken> {
    refuseIds(prompt, this.#model);
    const { maxNewTokens, temperature, repetitionPenalty = 1, logits: asked, eosId, reuse } = options;
    const window = Math.min(options.window ?? this.#model.blockSize, this.#model.blockSize);
    const onMachine = temperature === 0 && repetitionPenalty === 1 && !asked;
    const wanted: Wanted = onMachine ? 'token' : 'logits';
    const held: Held = { ids: reuse ? this.#held.ids : [] };
    this.#held = held;
    const ids = [...prompt];
    let ahead: Output | null = null;
    for (let i = 0; i < maxNewTokens; i++) {
      const out: Output = ahead ?? (await this.#feed(held, ids.slice(-window), maxNewTokens - i, wanted));
      const reading = out.read();
      // The machine has chosen: it goes on while the host still reads what.
      ahead = onMachine && i + 1 < maxNewTokens ? await this.#feedChosen(held, window, reading) : null;
      const values = await reading;
      const logits = onMachine ? null : (values as Float32Array);
      const id = logits ? chooseToken(logits, ids, i, options) : refuseNaN(values[0]!);
      ids.push(id);
      if (ahead) held.ids.push(id);
      yield { id, logits };
      if (ends(id, eosId)) return;
    }
  }

  /** A pass over those of the seen tokens that are not in the cache. Another call may have used it since. */
  async #feed(held: Held, seen: readonly number[], left: number, wanted: Wanted): Promise<Output> {
    const decoder = this.#decoderFor(seen.length, left, this.#model.blockSize);
    if (this.#held !== held || decoder !== this.#decoder) held.ids = [];
    if (decoder !== this.#decoder) this.#decoder?.release();
    this.#decoder = decoder;
    this.#held = held;
    const start = Math.min(commonPrefix(held.ids, seen), seen.length - 1);
    held.ids = [...seen];
    return decoder.feed([seen.slice(start)], [start], wanted);
  }

  /** The same with the token that the machine has just chosen; null where there is no room, or the cache holds another text. */
  async #feedChosen(held: Held, window: number, reading: Promise<unknown>): Promise<Output | null> {
    // Where both fail, what befell the machine is thrown here.
    reading.catch(() => {});
    const start = held.ids.length;
    if (this.#held !== held || start >= Math.min(window, this.#decoder!.capacity)) return null;
    return this.#decoder!.feedChosen([start], 'token');
  }

  /** The present one where it has room for so many tokens, else a larger one. */
  #decoderFor(seen: number, left: number, most: number): Decoder {
    if (this.#decoder && this.#decoder.capacity >= seen) return this.#decoder;
    const capacity = Math.min(most, bucket(seen + Math.min(left, ROOM)));
    return new Decoder(this.#machine, this.#model, { rows: 1, capacity, dtype: this.#dtype });
  }

  release(): void {
    this.#next.release();
    this.#decoder?.release();
    this.#decoder = null;
    this.#held = { ids: [] };
  }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

/** @throws InputError for no ids, or one outside the vocabulary */
export function refuseIds(ids: readonly number[], { vocabSize }: LanguageModel): void {
  if (ids.length === 0) throw new InputError('generate: the prompt is empty. Give at least one token.');
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw new InputError(`generate: token id ${id} is outside 0..${vocabSize - 1}, the vocabulary of this model.`);
  }
}

/** Whether a text ends with this token. */
export function ends(id: number, eosId: GenerateOptions['eosId']): boolean {
  return typeof eosId === 'number' ? id === eosId : (eosId?.includes(id) ?? false);
}
