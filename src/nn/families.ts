// The families of models, a row each: what makes one of a configuration, and what is known of it before a tensor exists.
import { Decoder } from './decoder.ts';
import { type DecoderConfig, type DecoderSpec, decoderMatrices, decoderParameterCount } from './decoder_config.ts';
import { Encoder } from './encoder.ts';
import { ENCODER, type EncoderConfig, encoderMatrices, encoderParameterCount } from './encoder_config.ts';
import { gemma3Config, gemma3Spec } from './gemma3_config.ts';
import { GPT2 } from './gpt2.ts';
import { type GPT2Config, gpt2Config, gpt2ParameterCount } from './gpt2_config.ts';
import { llamaConfig, llamaSpec, mistralConfig, mistralSpec } from './llama_config.ts';
import type { LanguageModel } from './model.ts';
import type { AnyFamily, CausalConfig, ConfigOf, Family, ModelConfig } from './model_config.ts';
import type { ModelOptions } from './parameter_list.ts';
import { qwen3Config, qwen3Spec } from './qwen3_config.ts';

export type { AnyFamily, CausalConfig, Family, ModelConfig } from './model_config.ts';

/** Sizes that are chosen for a new model, whatever its family. */
export interface ChosenSizes {
  vocabSize: number;
  blockSize: number;
  nEmbd: number;
  nLayer: number;
  nHead: number;
  /** As many as heads where the family shares none. */
  kvHeads: number;
  initializerRange: number;
  tieWordEmbeddings: boolean;
  bias: boolean;
}

/** What is asked of a family. */
export interface AnyFamilyRow<C extends ModelConfig> {
  /** No token sees those behind it, so that the model continues a text; else each sees all of its text. */
  causal: boolean;
  /** @throws InputError if the heads do not fit the width */
  make(config: C, options: ModelOptions): LanguageModel;
  parameterCount(config: C): number;
  /** The matrices of a block as [in, out], each head's part included. */
  blockMatrices(config: C): readonly (readonly [number, number])[];
  /** Width of all query heads together. */
  attentionWidth(config: C): number;
  /** Whether a new model's linear layers have biases unless it is said otherwise; null: they never have. */
  bias: boolean | null;
  /** Heads of keys and values may be fewer than those of queries. */
  sharesHeads: boolean;
  /** Weights are stored (in, out), else (out, in). */
  storedInOut: boolean;
  /** Layers that PEFT adapts unless it is told which. */
  loraTargets: readonly string[];
}

/** What is asked of a family whose models continue a text. */
export interface FamilyRow<C extends ModelConfig> extends AnyFamilyRow<C> {
  causal: true;
  /** A new model's configuration. */
  chosen(sizes: ChosenSizes): C;
}

const gpt2: FamilyRow<GPT2Config> = {
  causal: true,
  chosen: ({ kvHeads: _, ...sizes }) => gpt2Config(sizes),
  make: (config, options) => new GPT2(config, options),
  parameterCount: gpt2ParameterCount,
  blockMatrices: ({ nEmbd: C, nInner }) => [
    [C, 3 * C],
    [C, C],
    [C, nInner],
    [nInner, C],
  ],
  attentionWidth: ({ nEmbd }) => nEmbd,
  bias: true,
  sharesHeads: false,
  storedInOut: true,
  loraTargets: ['c_attn'],
};

/** Of decoders, by what each says of its own. */
function decoder<C extends CausalConfig & DecoderConfig>(
  specOf: (config: C) => DecoderSpec,
  chosen: (sizes: ChosenSizes) => C,
  bias: false | null = false,
): FamilyRow<C> {
  return {
    causal: true,
    chosen,
    make: (config, options) => new Decoder(config, specOf(config), options),
    parameterCount: (config) => decoderParameterCount(specOf(config)),
    blockMatrices: decoderMatrices,
    attentionWidth: ({ nHead, headDim }) => nHead * headDim,
    bias,
    sharesHeads: true,
    storedInOut: false,
    loraTargets: ['q_proj', 'v_proj'],
  };
}

const encoder: AnyFamilyRow<EncoderConfig> = {
  causal: false,
  make: (config, options) => new Encoder(config, options),
  parameterCount: encoderParameterCount,
  blockMatrices: encoderMatrices,
  attentionWidth: ({ nEmbd }) => nEmbd,
  bias: null,
  sharesHeads: false,
  storedInOut: false,
  loraTargets: ['q_proj', 'v_proj'],
};

const ROWS: { readonly [F in Family]: FamilyRow<ConfigOf<F>> } = {
  gpt2,
  llama: decoder(llamaSpec, ({ bias, ...sizes }) => llamaConfig({ ...sizes, attentionBias: bias, mlpBias: bias })),
  mistral: decoder(mistralSpec, mistralConfig, null),
  qwen3: decoder(qwen3Spec, ({ bias, ...sizes }) => qwen3Config({ ...sizes, attentionBias: bias })),
  gemma3_text: decoder(gemma3Spec, ({ bias, ...sizes }) => gemma3Config({ ...sizes, attentionBias: bias })),
};

/** Those that continue a text: a new one is chosen by its name. */
export const FAMILIES = Object.keys(ROWS) as readonly Family[];

/** The row of a family by its name, for configurations of that family alone. */
export function familyRow(family: Family): FamilyRow<ModelConfig>;
export function familyRow(family: AnyFamily): AnyFamilyRow<ModelConfig>;
export function familyRow(family: AnyFamily): AnyFamilyRow<ModelConfig> {
  const row = family === ENCODER ? encoder : ROWS[family];
  return row as AnyFamilyRow<never> as AnyFamilyRow<ModelConfig>;
}

const rowOf = ({ family }: ModelConfig) => familyRow(family);

/** @throws InputError if the heads do not fit the width */
export function makeModel(config: ModelConfig, options: ModelOptions): LanguageModel {
  return rowOf(config).make(config, options);
}

/** Number of parameters, tied ones once, without making them. */
export function configParameterCount(config: ModelConfig): number {
  return rowOf(config).parameterCount(config);
}

/** A configuration as plain values by name, for a record of what was trained: what is more than a value as JSON. */
export function configScalars(config: ModelConfig): Map<string, string | number | boolean | null> {
  const entries = Object.entries(config) as [string, unknown][];
  return new Map(
    entries.map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string | number | boolean | null),
    ]),
  );
}

/** The matrices of a block as [in, out], each head's part included. */
export function blockMatrices(config: ModelConfig): readonly (readonly [number, number])[] {
  return rowOf(config).blockMatrices(config);
}

/** Width of all query heads together. */
export function attentionWidth(config: ModelConfig): number {
  return rowOf(config).attentionWidth(config);
}
