// How each token of a target looked at its source: the cross-attention of every layer and head, in one pass over both texts.
import type { Compiled, Machine } from '../autograd/machine.ts';
import { pairWidth } from '../data/bucket.ts';
import type { EncoderDecoder } from '../nn/encoder_decoder.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { attentionWeights } from './attention_weights.ts';
import { sourceBatch } from './source_decoder.ts';

export class Alignment {
  readonly layers: number;
  readonly heads: number;
  /** Tokens, the end among them. */
  readonly sourceLength: number;
  readonly targetLength: number;
  #weights: readonly (readonly Float32Array[])[];

  constructor(weights: readonly (readonly Float32Array[])[], sourceLength: number, targetLength: number) {
    this.#weights = weights;
    this.layers = weights.length;
    this.heads = weights[0]?.length ?? 0;
    this.sourceLength = sourceLength;
    this.targetLength = targetLength;
  }

  /** (T,S): how the token t was chosen by looking at token s. Each row's sum is 1. */
  weights(layer: number, head: number): Float32Array {
    return this.#weights[layer]![head]!;
  }

  /** (T,S): the mean over all layers and heads. */
  mean(): Float32Array {
    const all = this.#weights.flat();
    return Float32Array.from(all[0] ?? [], (_, i) => all.reduce((sum, each) => sum + each[i]!, 0) / all.length);
  }
}

/** Makes alignments; holds their plans. */
export class Aligner {
  #machine: Machine;
  #model: EncoderDecoder;
  #dtype: Precision;
  #parameters: ReadonlyMap<Tensor, Tensor> | undefined;
  #compiled: Compiled | null = null;

  constructor(
    machine: Machine,
    model: EncoderDecoder,
    options: { dtype: Precision; parameters?: ReadonlyMap<Tensor, Tensor> | undefined },
  ) {
    this.#machine = machine;
    this.#model = model;
    this.#dtype = options.dtype;
    this.#parameters = options.parameters;
  }

  /** Queries and keys of every layer. */
  #looks = ({ source, mask, ids }: Record<string, Tensor>) => {
    const dtype = this.#dtype;
    const cross = this.#model.crossKeys(this.#model.encode(source!, mask, { dtype }));
    const looks: Record<string, Tensor> = {};
    const onCross = (layer: number, queries: Tensor, keys: Tensor) => {
      looks[`q${layer}`] = queries;
      looks[`k${layer}`] = keys;
    };
    this.#model.decode(ids!, { cross, mask }, { dtype, onCross });
    return looks;
  };

  /** @param source with its end     @param target without beginning and end */
  async align(source: readonly number[], target: readonly number[]): Promise<Alignment> {
    const { config, blockSize } = this.#model;
    const [S, T] = [source.length, target.length + 1];
    const room = (n: number) => Math.min(blockSize, pairWidth(n));
    const ids = new Int32Array(room(T)).fill(config.padId);
    ids.set([config.bosId, ...target]);
    this.#compiled ??= this.#machine.compile<Record<string, Tensor>>(this.#looks, { parameters: this.#parameters });
    const out = await this.#compiled({
      ...sourceBatch([source], 1, room(S), config),
      ids: { shape: [1, ids.length], data: ids },
    });
    const { nEmbd: C, nHead: heads, decoderLayers } = config;
    const layers: Float32Array[][] = [];
    for (let i = 0; i < decoderLayers; i++) {
      // What is padded on the right of a text is left out.
      const q = ((await out[`q${i}`]!.read()) as Float32Array).subarray(0, T * C);
      const k = ((await out[`k${i}`]!.read()) as Float32Array).subarray(0, S * C);
      layers.push(attentionWeights(q, k, C, { heads }));
    }
    return new Alignment(layers, S, T);
  }

  release(): void {
    this.#compiled?.release();
    this.#compiled = null;
  }
}
