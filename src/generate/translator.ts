// Texts written from others by an encoder-decoder: many at once, by beams or greedily, or one token by token.
import type { Batch, Machine } from '../autograd/machine.ts';
import { bucket, pairWidth } from '../data/bucket.ts';
import { InputError } from '../errors.ts';
import type { EncoderDecoder } from '../nn/encoder_decoder.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { Aligner, type Alignment } from './alignment.ts';
import type { Decoder } from './decoder.ts';
import { refuseNaN } from './sampling.ts';
import { SourceDecoder } from './source_decoder.ts';
import { sourceGroups } from './source_groups.ts';
import { type Asked, type Translation, writeBeams, writeGreedy } from './translate_group.ts';

export type { Alignment } from './alignment.ts';
export type { Translation } from './translate_group.ts';

export interface TranslateOptions {
  /** Texts followed at once for each source, 1 or more. 1 is greedy. */
  beams: number;
  /** See BeamOptions. Default 1. */
  lengthPenalty?: number | undefined;
  /** At most so many tokens, the end among them, for a source of so many. Default 2n + 16. The context bounds it. */
  maxNewTokens?: ((sourceTokens: number) => number) | undefined;
  /** Asked after each token; true ends all with what there is: what was not begun is empty. */
  stopped?: (() => boolean) | undefined;
  onDone?: ((done: number, of: number) => void) | undefined;
}

export interface TranslatorOptions {
  /** Of values between layers and of the caches, see ForwardOptions. Default f32. */
  dtype?: Precision;
  /** Tensors that stand in for the model's, such as averaged weights. */
  parameters?: ReadonlyMap<Tensor, Tensor> | undefined;
  /** Whether an end stands behind each source, as in training here. Default true; false for a model that has learned without. */
  sourceEnd?: boolean;
}

/** Rows side by side: each pass reads the weights once for all of them. */
const MOST_ROWS = 256;
/** Logits of a pass, which the host looks through: 16 MiB. */
const MOST_LOGITS = 2 ** 22;

/** Writes with one model on one machine; holds its plans and its caches. */
export class Translator {
  #machine: Machine;
  #model: EncoderDecoder;
  #options: { dtype: Precision; parameters: ReadonlyMap<Tensor, Tensor> | undefined };
  /** What stands behind each source. */
  #end: readonly number[];
  /** By their sizes; those of one width of sources. */
  #decoders = new Map<string, SourceDecoder>();
  #width = 0;
  #aligner: Aligner;

  constructor(
    machine: Machine,
    model: EncoderDecoder,
    { dtype = 'f32', parameters, sourceEnd = true }: TranslatorOptions = {},
  ) {
    this.#machine = machine;
    this.#model = model;
    this.#options = { dtype, parameters };
    this.#end = sourceEnd ? [model.config.eosId] : [];
    this.#aligner = new Aligner(machine, model, this.#options);
  }

  /**
   * A translation of each source (its tokens without the end), in the order given. Those of about one length are written together.
   * @throws InputError for beams that are not a whole number of at least 1, a source that outgrows the context or has ids outside
   *   the vocabulary, and where the model gives NaN
   */
  async translate(sources: readonly (readonly number[])[], options: TranslateOptions): Promise<Translation[]> {
    const { beams, lengthPenalty, stopped = () => false, onDone } = options;
    refuseBeams(beams);
    for (const source of sources) this.#refuse(source);
    const results = sources.map((): Translation => ({ ids: [], score: 0, ended: false }));
    const lengths = sources.map((source) => source.length);
    const most = Math.max(1, Math.floor(this.#mostRows() / beams));
    let done = 0;
    onDone?.(0, sources.length);
    for (const group of sourceGroups(lengths, 2 ** Math.floor(Math.log2(most)))) {
      if (stopped()) break;
      const asked: Asked = {
        sources: group.map((i) => [...sources[i]!, ...this.#end]),
        mostNew: group.map((i) => this.#mostNew(sources[i]!, options)),
        beams,
        lengthPenalty,
        ...this.#model.config,
        stopped,
      };
      const { decoder } = await this.#begun(asked);
      const written = await (beams === 1 ? writeGreedy : writeBeams)(decoder, asked);
      written.forEach((translation, at) => {
        results[group[at]!] = translation;
      });
      done += group.length;
      onDone?.(done, sources.length);
    }
    return results;
  }

  /** The greedy translation, token by token, without its end. @throws InputError as translate */
  async *stream(source: readonly number[], options: Omit<TranslateOptions, 'beams'> = {}): AsyncGenerator<number> {
    this.#refuse(source);
    const mostNew = this.#mostNew(source, options);
    const { decoder } = await this.#begun({ sources: [[...source, ...this.#end]], mostNew: [mostNew], beams: 1 });
    let ahead = await decoder.feedChosen([0], 'token');
    for (let i = 1; i <= mostNew; i++) {
      const reading = ahead.read();
      // Where both fail, what befell the machine is thrown here.
      reading.catch(() => {});
      // The machine has chosen: it goes on while the host still reads what.
      if (i < mostNew) ahead = await decoder.feedChosen([i], 'token');
      const id = refuseNaN((await reading)[0]!);
      if (id === this.#model.config.eosId) return;
      yield id;
      if (options.stopped?.()) return;
    }
  }

  /**
   * How each token of a target, and its end, looked at the source and its end.
   * @throws InputError for texts that outgrow the context or have ids outside the vocabulary
   */
  alignment(source: readonly number[], target: readonly number[]): Promise<Alignment> {
    this.#refuse(source);
    this.#refuse(target, 'target');
    return this.#aligner.align([...source, ...this.#end], target);
  }

  /**
   * What translating so many rows (sources times beams) runs at most, with a batch of each shape: each has a plan.
   * @param sourceWidth tokens of the longest source, its end among them     @param targetWidth most new tokens
   */
  planned(
    rows: number,
    sourceWidth: number,
    targetWidth: number,
  ): { fn: SourceDecoder['encodeFunction'] | Decoder['functions']['logits']; batch: Batch }[] {
    const sources = Array.from({ length: Math.min(rows, this.#mostRows()) }, () =>
      Array.from({ length: Math.min(sourceWidth, this.#model.blockSize) }, () => 0),
    );
    const mostNew = sources.map(() => Math.min(targetWidth, this.#model.blockSize));
    const source = this.#decoderFor({ sources, mostNew, beams: 1 });
    const { decoder } = source;
    const all = Array.from({ length: decoder.rows }, (_, b) => b);
    const step = {
      ...decoder.batch(
        1,
        all,
        all.map(() => [0]),
      ),
      ...decoder.moved({ rows: all, begin: all }),
    };
    return [
      { fn: source.encodeFunction, batch: source.sourceBatch(sources) },
      { fn: decoder.functions.logits, batch: step },
    ];
  }

  release(): void {
    this.#releaseDecoders();
    this.#aligner.release();
  }

  #mostRows(): number {
    return Math.max(1, Math.min(MOST_ROWS, 2 ** Math.floor(Math.log2(MOST_LOGITS / this.#model.vocabSize))));
  }

  #mostNew(source: readonly number[], { maxNewTokens = twice }: Pick<TranslateOptions, 'maxNewTokens'>): number {
    return Math.max(1, Math.min(maxNewTokens(source.length), this.#model.blockSize));
  }

  async #begun(asked: Pick<Asked, 'sources' | 'mostNew' | 'beams'>): Promise<SourceDecoder> {
    const decoder = this.#decoderFor(asked);
    await decoder.begin(asked.sources);
    return decoder;
  }

  /** Sizes are rounded up, so that few plans are made; those for sources of another width go. */
  #decoderFor({ sources, mostNew, beams }: Pick<Asked, 'sources' | 'mostNew' | 'beams'>): SourceDecoder {
    const { blockSize } = this.#model;
    const longest = Math.max(...sources.map((source) => source.length));
    const width = Math.min(blockSize, pairWidth(longest));
    if (width !== this.#width) this.#releaseDecoders();
    this.#width = width;
    const capacity = Math.min(blockSize, bucket(Math.max(...mostNew)));
    const sizes = { sources: 2 ** Math.ceil(Math.log2(sources.length)), beams, width, capacity };
    const key = Object.values(sizes).join();
    let decoder = this.#decoders.get(key);
    if (!decoder) {
      decoder = new SourceDecoder(this.#machine, this.#model, sizes, this.#options);
      this.#decoders.set(key, decoder);
    }
    return decoder;
  }

  #releaseDecoders(): void {
    for (const decoder of this.#decoders.values()) decoder.release();
    this.#decoders.clear();
  }

  #refuse(ids: readonly number[], side: 'source' | 'target' = 'source'): void {
    const { blockSize, vocabSize, sourceVocabSize } = this.#model.config;
    const V = side === 'source' ? sourceVocabSize : vocabSize;
    const most = blockSize - (side === 'source' ? this.#end.length : 1);
    if (ids.length > most)
      throw new InputError(
        `translate: found a ${side} of ${ids.length} tokens, expected at most ${most}, which the context holds. Shorten it.`,
      );
    if (side === 'source' && ids.length + this.#end.length === 0)
      throw new InputError('translate: found an empty source, expected at least one token. Leave it out.');
    for (const id of ids)
      if (!Number.isInteger(id) || id < 0 || id >= V)
        throw new InputError(`translate: token id ${id} is outside 0..${V - 1}, the ${side} vocabulary of this model.`);
  }
}

const twice = (tokens: number) => 2 * tokens + 16;

function refuseBeams(beams: number): void {
  if (!Number.isSafeInteger(beams) || beams < 1)
    throw new InputError(`translate: found ${beams} beams, expected a whole number of at least 1.`);
}
