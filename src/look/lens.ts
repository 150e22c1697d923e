// What a model would guess if it ended after each of its layers: the last norm and the head over the hidden states of every layer.
// Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
import type { Compiled, Machine } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { InputError } from '../errors.ts';
import { familyRow } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import { cast } from '../ops/cast.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';

/** Logits that are made at once. Bytes. */
const LOGIT_BYTES = 2 ** 24;

export interface LensOptions {
  /** Of the model's values between layers. Default f32. */
  dtype?: Precision;
  /** `last`: only what the whole model guesses. Default `all`. */
  layers?: 'all' | 'last';
  /** Default: 16 MiB of logits are made at once. */
  logitBytes?: number;
}

/** Looks through a model's layers; holds the plans for it. */
export class Lens {
  readonly #machine: Machine;
  readonly #model: LanguageModel;
  readonly #dtype: Precision;
  readonly #all: boolean;
  readonly #logitBytes: number;
  #hidden: Compiled | null = null;
  #head: Compiled<'logits'> | null = null;

  /** @throws InputError for a model whose tokens see both sides: it guesses what stands there, not what follows */
  constructor(machine: Machine, model: LanguageModel, options: LensOptions = {}) {
    const { dtype = 'f32', layers = 'all', logitBytes = LOGIT_BYTES } = options;
    const { family } = model.config;
    if (!familyRow(family).causal)
      throw new InputError(`lens: found ${family}, expected a model that continues a text. Look at its attention.`);
    [this.#machine, this.#model, this.#dtype] = [machine, model, dtype];
    [this.#all, this.#logitBytes] = [layers === 'all', logitBytes];
  }

  /**
   * Tells the logits (V) of what follows each token, after each layer: of the embedding first (0 layers done), of the whole model last.
   * @param visit layer counts from 0, or is 0 for `last`   @param stopped ends it early
   * @throws InputError as `hidden`
   */
  async look(
    ids: readonly number[],
    visit: (layer: number, token: number, logits: Float32Array) => void,
    stopped: () => boolean = () => false,
  ): Promise<void> {
    const T = ids.length;
    const rows = await this.#rows(ids);
    const { vocabSize } = this.#model;
    const C = this.#model.config.nEmbd;
    const count = rows.length / C;
    const most = Math.max(1, Math.floor(this.#logitBytes / 4 / vocabSize));
    const chunk = Math.min(most, bucket(count));
    this.#head ??= this.#machine.compile(({ hidden }: Record<string, Tensor>) => ({
      logits: cast(this.#model.head(cast(hidden!, this.#dtype)), 'f32'),
    }));
    for (let from = 0; from < count && !stopped(); from += chunk) {
      const data = new Float32Array(chunk * C);
      data.set(rows.subarray(from * C, (from + chunk) * C));
      const out = await this.#head({ hidden: { shape: [chunk, C], data } });
      const logits = (await out.logits.read()) as Float32Array;
      for (let row = from; row < Math.min(count, from + chunk); row++)
        visit(Math.floor(row / T), row % T, logits.subarray((row - from) * vocabSize, (row - from + 1) * vocabSize));
    }
  }

  release(): void {
    this.#hidden?.release();
    this.#head?.release();
    [this.#hidden, this.#head] = [null, null];
  }

  /** What the head is given: for each layer T rows of C. */
  async #rows(ids: readonly number[]): Promise<Float32Array> {
    const { blockSize, config } = this.#model;
    const T = ids.length;
    const width = Math.max(T, Math.min(blockSize, bucket(T)));
    this.#hidden ??= this.#machine.compile(this.#layers) as Compiled;
    const data = new Int32Array(width);
    data.set(ids);
    const out = Object.values(await this.#hidden({ ids: { shape: [1, width], data } }));
    const size = T * config.nEmbd;
    const rows = new Float32Array(out.length * size);
    for (const [i, each] of out.entries()) rows.set(((await each.read()) as Float32Array).subarray(0, size), i * size);
    return rows;
  }

  readonly #layers = ({ ids }: Record<string, Tensor>): Record<string, Tensor> => {
    const found: Record<string, Tensor> = {};
    const keep = (name: string, hidden: Tensor) => (found[name] = cast(hidden, 'f32'));
    const onLayer = this.#all ? (layer: number, hidden: Tensor) => keep(`layer ${layer}`, hidden) : undefined;
    const hidden = this.#model.hidden(ids!, { dtype: this.#dtype, onLayer });
    if (!this.#all) keep('last', hidden);
    return found;
  };
}
