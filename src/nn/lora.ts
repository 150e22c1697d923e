// LoRA: a frozen weight W with a product of two narrow matrices beside it, which alone are trained. An adapted model is a view: it
// shares every tensor with its base, so that several adapters over one base cost what their own matrices do.
// Source: Hu et al. 2021 (arXiv:2106.09685); PEFT's LoraLayer for names, shapes and first values.
import { InputError } from '../errors.ts';
import { uniform } from '../tensor/random.ts';
import { show } from '../tensor/shape.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Linear, LowRank } from './layers.ts';
import { type LoraConfig, loraName, loraScale } from './lora_config.ts';
import { plainTargets, targetLayers } from './lora_targets.ts';
import type { LanguageModel, Trainable } from './model.ts';

export interface LoraOptions {
  /** Rank. Default 8. */
  r?: number;
  /** The adapter's product is scaled by alpha / r. Default 16. */
  alpha?: number;
  /** Of the adapter's own input, in training. Default 0. */
  dropout?: number;
  /**
   * Layers by name, by the end of a name from a dot on, or with * for any characters; `all-linear` is every linear layer of the
   * blocks. Default: PEFT's of the family.
   */
  targets?: readonly string[] | undefined;
  /** The scale is alpha / sqrt(r). Default false. */
  rslora?: boolean;
  /** Of the first values of A; B begins with zeros. */
  seed: number;
}

/** A layer with its adapter. */
export type AdaptedLinear = Linear & { lora: LowRank };

/** What is trained instead of a model: its parameters under PEFT's names. */
export interface Adapter extends Trainable {
  readonly config: LoraConfig;
  /** The layers that it changes, by the name of each. */
  readonly layers: ReadonlyMap<string, AdaptedLinear>;
}

/** A model with an adapter. Its `parameters` are those of the base, which are frozen, and behind them the adapter's. */
export type Adapted = LanguageModel & { readonly adapter: Adapter };

/** Streams of first values: beyond those of a model's own parameters. */
const STREAM = 2 ** 24;

/**
 * The model with a new adapter: y = W x + scale * B A x in the layers that are meant. The base's parameters are frozen. Until it is
 * trained the adapter changes nothing.
 * @param where who asks, for messages   @param whereRank who asked for the rank
 * @throws InputError for settings out of range, targets that no layer has, a rank above a layer's smaller side, and a model that has an
 *   adapter already
 */
export function lora(base: LanguageModel, options: LoraOptions, where = 'lora', whereRank = where): Adapted {
  const { r = 8, alpha = 16, dropout = 0, rslora = false, targets, seed } = options;
  refuse(where, 'r', r, Number.isSafeInteger(r) && r >= 1, 'a whole number from 1');
  refuse(where, 'alpha', alpha, Number.isFinite(alpha) && alpha > 0, 'a number above 0');
  refuse(where, 'dropout', dropout, dropout >= 0 && dropout < 1, 'a number from 0 to below 1');
  if ([...base.linears.values()].some((linear) => linear.lora))
    throw new InputError(`${where}: the model has an adapter already, expected a base model. Adapt its base.`);
  const names = targetLayers(base, targets, where);
  const config: LoraConfig = { r, alpha, dropout, rslora, targets: plainTargets(names, base.linears.keys()) };
  const layers = new Map<string, AdaptedLinear>();
  for (const [i, name] of names.entries()) {
    const linear = base.linears.get(name)!;
    const { fanIn, fanOut } = fans(linear);
    if (r > Math.min(fanIn, fanOut))
      throw new InputError(
        `${whereRank}: found r ${r}, but ${name} is ${show(linear.weight.shape)}, expected at most its smaller side. Choose a smaller r, or leave the layer out.`,
      );
    // Uniform within 1 / sqrt(in), as PyTorch begins a linear layer.
    const bound = 1 / Math.sqrt(fanIn);
    const init = () =>
      Float32Array.from({ length: r * fanIn }, (_, k) => bound * (2 * uniform(seed, STREAM + i, k) - 1));
    const a = new Tensor({ kind: 'parameter', name: loraName(name, 'A'), shape: [r, fanIn], init });
    const b = new Tensor({ kind: 'parameter', name: loraName(name, 'B'), shape: [fanOut, r] });
    layers.set(name, { ...linear, lora: { a, b, scale: loraScale(config), dropout } });
  }
  const parameters = [...layers.values()].flatMap((layer) => [layer.lora.a, layer.lora.b]);
  layOutSlabs(parameters, 'adapter', 'parameters');
  for (const parameter of base.parameters) parameter.trainable = false;
  const adapter = { config, parameters, layers };
  return Object.assign(base.withLinears(layers), { parameters: [...base.parameters, ...parameters], adapter });
}

/** Inputs and outputs of a layer. */
function fans({ weight, stored }: Linear): { fanIn: number; fanOut: number } {
  const [first, second] = weight.shape as [number, number];
  return stored === 'out_in' ? { fanIn: second, fanOut: first } : { fanIn: first, fanOut: second };
}

function refuse(where: string, name: string, value: number, fits: boolean, expected: string): void {
  if (!fits) throw new InputError(`${where}: found ${name} ${value}, expected ${expected}. Correct it.`);
}
