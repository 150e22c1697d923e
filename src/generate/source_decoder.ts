// A decoder whose every row looks at a source: the source's keys and values are computed once and stay on the machine, beside the cache
// of what was written. Several rows in turn have one source: those of a beam search.
import type { Batch, Compiled, Machine } from '../autograd/machine.ts';
import type { CrossKeys, EncoderDecoder } from '../nn/encoder_decoder.ts';
import { assign } from '../ops/copy.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Decoder, type DecoderOptions } from './decoder.ts';

export interface SourceSizes {
  /** Sources side by side. */
  sources: number;
  /** Rows that write from each. */
  beams: number;
  /** Tokens of a source, its end among them. */
  width: number;
  /** Tokens written that the cache holds. */
  capacity: number;
}

export class SourceDecoder {
  readonly sizes: SourceSizes;
  readonly decoder: Decoder;
  #machine: Machine;
  #model: EncoderDecoder;
  #options: Pick<DecoderOptions, 'dtype' | 'parameters'>;
  /** (sources,width,C) for each layer, stored as what the model computes in. */
  #cross: CrossKeys[];
  /** (sources,width) f32. */
  #mask: Tensor;
  #encode: Compiled | null = null;

  constructor(
    machine: Machine,
    model: EncoderDecoder,
    sizes: SourceSizes,
    options: Pick<DecoderOptions, 'dtype' | 'parameters'>,
  ) {
    this.sizes = sizes;
    this.#machine = machine;
    this.#model = model;
    this.#options = options;
    const { dtype } = options;
    const shape = [sizes.sources, sizes.width];
    this.#cross = model.keyWidths.map((C, i) => {
      const state = (name: string) =>
        new Tensor({ kind: 'state', name: `cross.${i}.${name}`, shape: [...shape, C], dtype });
      return { keys: state('keys'), values: state('values') };
    });
    this.#mask = new Tensor({ kind: 'state', name: 'cross.mask', shape });
    const source = { cross: this.#cross, mask: this.#mask };
    this.decoder = new Decoder(
      machine,
      {
        blockSize: model.blockSize,
        keyWidths: model.keyWidths,
        hidden: (ids, passed) => model.decode(ids, source, passed),
        head: (hidden) => model.head(hidden),
      },
      { rows: sizes.sources * sizes.beams, capacity: sizes.capacity, ...options },
    );
  }

  /** The encoder's pass as a function over a batch: what is compiled and planned. */
  readonly encodeFunction = ({ source, mask }: Record<string, Tensor>) => {
    const memory = this.#model.encode(source!, mask, { dtype: this.#options.dtype });
    this.#model.crossKeys(memory).forEach(({ keys, values }, i) => {
      assign(this.#cross[i]!.keys, keys);
      assign(this.#cross[i]!.values, values);
    });
    assign(this.#mask, mask!);
    return {};
  };

  /**
   * Reads the sources: all rows write from them, beginning with `bosId`. Where there are fewer than fit, the rest read an end alone.
   * @param sources whole, each with its end
   */
  async begin(sources: readonly (readonly number[])[]): Promise<void> {
    const { parameters } = this.#options;
    this.#encode ??= this.#machine.compile<Record<string, Tensor>>(this.encodeFunction, { parameters });
    await this.#encode(this.sourceBatch(sources));
    this.decoder.choose(Array.from({ length: this.decoder.rows }, () => this.#model.config.bosId));
  }

  sourceBatch(sources: readonly (readonly number[])[]): Batch {
    return sourceBatch(sources, this.sizes.sources, this.sizes.width, this.#model.config);
  }

  release(): void {
    this.#encode?.release();
    this.#encode = null;
    this.decoder.release();
    this.#machine.release([this.#mask, ...this.#cross.flatMap(({ keys, values }) => [keys, values])]);
  }
}

/** Sources padded on the right, and their mask: `rows` of them, of which those that are left read an end alone. */
export function sourceBatch(
  sources: readonly (readonly number[])[],
  rows: number,
  width: number,
  { padId, eosId }: Pick<EncoderDecoder['config'], 'padId' | 'eosId'>,
) {
  const data = new Int32Array(rows * width).fill(padId);
  const mask = new Float32Array(rows * width);
  for (let b = 0; b < rows; b++) {
    const ids = sources[b] ?? [eosId];
    data.set(ids, b * width);
    mask.fill(1, b * width, b * width + ids.length);
  }
  const shape = [rows, width];
  return { source: { shape, data }, mask: { shape, data: mask } };
}
