// How the tokens of a text look at each other, in any layer of any model: queries and keys are read where attention reads them, with
// their norms and positions, and its weights are made from them once more.
import { currentGraph } from '../autograd/graph.ts';
import type { Compiled, Machine } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { InputError } from '../errors.ts';
import { attentionWeights } from '../generate/attention_weights.ts';
import { familyRow } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import { attentionOp } from '../ops/attention.ts';
import {
  type AttentionAttrs,
  type AttentionShape,
  attentionShape,
  queriesAndKeys,
  type Strides,
} from '../ops/attention_shape.ts';
import { cast } from '../ops/cast.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';

/** One attention of a traced pass. */
interface Site {
  attrs: AttentionAttrs;
  shape: AttentionShape;
  q: Tensor;
  k: Tensor;
}

/** Makes maps of attention; holds their plans, one a layer and a length. */
export class AttentionMaps {
  readonly layers: number;
  readonly #machine: Machine;
  readonly #model: LanguageModel;
  readonly #dtype: Precision;
  readonly #compiled = new Map<number, Compiled>();
  /** By layer and length where its attention reads. */
  readonly #sites = new Map<string, Site>();

  constructor(machine: Machine, model: LanguageModel, { dtype = 'f32' }: { dtype?: Precision } = {}) {
    [this.#machine, this.#model, this.#dtype] = [machine, model, dtype];
    this.layers = model.keyWidths.length;
  }

  /**
   * For each head (T,T): row i is what token i looks at, and its sum is 1; what it does not see has 0.
   * @param ids of one text, T tokens   @param layer from 0
   * @throws InputError for a layer that there is not, and as `hidden`
   */
  async of(ids: readonly number[], layer: number): Promise<Float32Array[]> {
    if (!Number.isInteger(layer) || layer < 0 || layer >= this.layers)
      throw new InputError(`attention: found layer ${layer}, expected 0 to ${this.layers - 1}. Choose one of them.`);
    const { blockSize, config } = this.#model;
    const T = ids.length;
    // What stands behind a text changes nothing in it where tokens look back alone.
    const width = familyRow(config.family).causal ? Math.max(T, Math.min(blockSize, bucket(T))) : T;
    const data = new Int32Array(width);
    data.set(ids);
    const out = await this.#looks(layer)({ ids: { shape: [1, width], data } });
    const q = (await out.q!.read()) as Float32Array;
    const k = out.k ? ((await out.k.read()) as Float32Array) : q;
    const { attrs, shape } = this.#sites.get(`${layer} ${width}`)!;
    const { H: heads, KV: kvHeads, D } = shape;
    return attentionWeights(lined(q, shape.q, T, heads, D), lined(k, shape.k, T, kvHeads, D), heads * D, {
      ...{ heads, kvHeads, scale: attrs.scale, causal: attrs.causal, window: attrs.window, qOffset: attrs.offset },
    });
  }

  release(): void {
    for (const compiled of this.#compiled.values()) compiled.release();
    this.#compiled.clear();
    this.#sites.clear();
  }

  /** Queries and keys of one layer: what is above it is not computed. */
  #looks(layer: number): Compiled {
    const known = this.#compiled.get(layer);
    if (known) return known;
    const looks = ({ ids }: Record<string, Tensor>): Record<string, Tensor> => {
      this.#model.hidden(ids!, { dtype: this.#dtype });
      const site = attentionSites()[layer]!;
      this.#sites.set(`${layer} ${ids!.shape[1]}`, site);
      const q = cast(site.q, 'f32');
      return site.k === site.q ? { q } : { q, k: cast(site.k, 'f32') };
    };
    const compiled = this.#machine.compile(looks) as Compiled;
    this.#compiled.set(layer, compiled);
    return compiled;
  }
}

/** All attention of the pass that is being traced, in its order. */
function attentionSites(): Site[] {
  return currentGraph().nodes.flatMap(({ op, inputs, attrs: given }) => {
    if (op !== attentionOp) return [];
    const attrs = given as AttentionAttrs;
    const { q, k } = queriesAndKeys(inputs);
    return [{ attrs, shape: attentionShape(inputs, attrs), q, k }];
  });
}

/** The first text's T tokens, heads side by side: (T,heads*D), out of wherever they lie. */
function lined(values: Float32Array, { start, token, head }: Strides, T: number, heads: number, D: number) {
  const found = new Float32Array(T * heads * D);
  for (let t = 0; t < T; t++)
    for (let h = 0; h < heads; h++) {
      const from = start + t * token + h * head;
      found.set(values.subarray(from, from + D), (t * heads + h) * D);
    }
  return found;
}
