// config.json of a Gemma 3 that knows text alone, as Hugging Face's Gemma3ForCausalLM reads and writes it.
import { type Gemma3Config, gemma3Spec, type LayerType, layerPattern } from '../nn/gemma3_config.ts';
import { correct } from './config_keys.ts';
import type { DecoderFormat } from './decoder_format.ts';
import { finiteNumber, misfit, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';
import { ropeOf } from './rope_config.ts';

export const gemma3Format: DecoderFormat<Gemma3Config> = {
  architecture: 'Gemma3ForCausalLM',
  classifier: 'Gemma3TextForSequenceClassification',
  keys: {
    modelType: 'gemma3_text',
    optional: [
      'query_pre_attn_scalar',
      'sliding_window',
      'sliding_window_pattern',
      '_sliding_window_pattern',
      'layer_types',
      'rope_local_base_freq',
    ],
    onlyValue: new Map<string, boolean | string | null>([
      ['hidden_activation', 'gelu_pytorch_tanh'],
      ['attn_logit_softcapping', null],
      ['final_logit_softcapping', null],
      ['use_bidirectional_attention', false],
    ]),
    harmless: ['cache_implementation'],
  },
  defaults: {
    blockSize: 131_072,
    kvHeads: 4,
    headDim: 256,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    tieWordEmbeddings: true,
    bosTokenId: 2,
    eosTokenIds: [1],
  },
  spec: gemma3Spec,
  read: (common, fields, where) => {
    const size = (key: string, otherwise: number) =>
      fields.has(key) ? wholeNumber(fields, key, where, 1, 2 ** 30) : otherwise;
    return {
      family: 'gemma3_text',
      ...common,
      queryScalar: fields.has('query_pre_attn_scalar')
        ? finiteNumber(fields, 'query_pre_attn_scalar', where, 1e-6, 1e9)
        : 256,
      window: size('sliding_window', 4096),
      localRopeTheta: localTheta(fields, where),
      layerTypes:
        (fields.get('layer_types') ?? null) === null
          ? layerPattern(common.nLayer, size('sliding_window_pattern', size('_sliding_window_pattern', 6)))
          : layerTypesOf(fields, common.nLayer, where),
    };
  },
  write: ({ queryScalar, window, localRopeTheta, layerTypes }) => [
    ['hidden_activation', 'gelu_pytorch_tanh'],
    ['query_pre_attn_scalar', queryScalar],
    ['sliding_window', window],
    ['layer_types', layerTypes],
    ['rope_local_base_freq', localRopeTheta],
    ['attn_logit_softcapping', null],
    ['final_logit_softcapping', null],
  ],
};

/** The base of layers with a window. Their angles are never scaled. @throws InputError */
function localTheta(fields: JsonObject, where: string): number {
  const key = 'rope_local_base_freq';
  const theta = fields.has(key) ? finiteNumber(fields, key, where, 1, 1e12) : 10_000;
  const parameters = fields.get('rope_parameters');
  if (!(parameters instanceof Map)) return theta;
  const local = ropeOf(parameters, 'sliding_attention', theta, `${where}: rope_parameters`);
  if (!local.scaling) return local.theta;
  throw misfit(
    `${where}: rope_parameters: sliding_attention`,
    'rope_type',
    local.scaling.type,
    'default; nothing else is supported',
    'Take another model.',
  );
}

function layerTypesOf(fields: JsonObject, nLayer: number, where: string): LayerType[] {
  const types = fields.get('layer_types')!;
  const known = (type: unknown): type is LayerType => type === 'full_attention' || type === 'sliding_attention';
  if (!Array.isArray(types)) throw misfit(where, 'layer_types', types, 'a list', correct);
  if (types.length !== nLayer)
    throw misfit(where, 'layer_types', types.length, `as many as num_hidden_layers ${nLayer}`, correct);
  return types.map((type, i) => {
    if (known(type)) return type;
    throw misfit(where, `layer_types[${i}]`, type, 'full_attention or sliding_attention', 'Take another model.');
  });
}
