// config.json of a Llama and of a Mistral, as Hugging Face's LlamaForCausalLM and MistralForCausalLM read and write it.
import { type LlamaConfig, llamaSpec, type MistralConfig, mistralSpec } from '../nn/llama_config.ts';
import type { DecoderFormat } from './decoder_format.ts';
import { flag, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';

/** What a file leaves out has the value that transformers' LlamaConfig gives it. */
export const llamaFormat: DecoderFormat<LlamaConfig> = {
  architecture: 'LlamaForCausalLM',
  classifier: 'LlamaForSequenceClassification',
  keys: {
    modelType: 'llama',
    optional: ['mlp_bias'],
    onlyValue: new Map<string, boolean | string | null>([
      ['hidden_act', 'silu'],
      ['rope_interleaved', false],
    ]),
    harmless: ['is_llama_config', 'pretraining_tp'],
  },
  defaults: { blockSize: 2048, rmsNormEps: 1e-6, ropeTheta: 10_000, tieWordEmbeddings: false },
  spec: llamaSpec,
  read: (common, fields, where) => ({
    family: 'llama',
    ...common,
    mlpBias: fields.has('mlp_bias') ? flag(fields, 'mlp_bias', where) : false,
  }),
  write: ({ mlpBias }) => [
    ['mlp_bias', mlpBias],
    ['hidden_act', 'silu'],
  ],
};

/** Mistral's class has no biases. */
export const mistralFormat: DecoderFormat<MistralConfig> = {
  architecture: 'MistralForCausalLM',
  classifier: 'MistralForSequenceClassification',
  keys: {
    modelType: 'mistral',
    optional: ['sliding_window'],
    onlyValue: new Map<string, boolean | string | null>([
      ['hidden_act', 'silu'],
      ['attention_bias', false],
    ]),
    harmless: [],
  },
  defaults: {
    blockSize: 131_072,
    kvHeads: 8,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    tieWordEmbeddings: false,
    bosTokenId: 1,
    eosTokenIds: [2],
  },
  spec: mistralSpec,
  read: (common, fields, where) => ({ family: 'mistral', ...common, window: windowOf(fields, where) }),
  write: ({ window }) => [
    ['hidden_act', 'silu'],
    ['sliding_window', window],
  ],
};

function windowOf(fields: JsonObject, where: string): number | null {
  const key = 'sliding_window';
  if (!fields.has(key)) return 4096;
  return fields.get(key) === null ? null : wholeNumber(fields, key, where, 1, 2 ** 30);
}
