// config.json of a Qwen3, as Hugging Face's Qwen3ForCausalLM reads and writes it.
import { type Qwen3Config, qwen3Spec } from '../nn/qwen3_config.ts';
import type { DecoderFormat } from './decoder_format.ts';
import { misfit } from './fields.ts';

export const qwen3Format: DecoderFormat<Qwen3Config> = {
  architecture: 'Qwen3ForCausalLM',
  classifier: 'Qwen3ForSequenceClassification',
  keys: {
    modelType: 'qwen3',
    optional: ['layer_types'],
    onlyValue: new Map<string, boolean | string | null>([
      ['hidden_act', 'silu'],
      ['use_sliding_window', false],
    ]),
    // Both say something only of models that use windows.
    harmless: ['max_window_layers', 'sliding_window'],
  },
  defaults: {
    blockSize: 32_768,
    kvHeads: 32,
    headDim: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    tieWordEmbeddings: false,
  },
  spec: qwen3Spec,
  read: (common, fields, where) => {
    const types = fields.get('layer_types') ?? null;
    if (types !== null && !(Array.isArray(types) && types.every((type) => type === 'full_attention')))
      throw misfit(
        where,
        'layer_types',
        types,
        'full_attention alone; nothing else is supported',
        'Take another model.',
      );
    return { family: 'qwen3', ...common };
  },
  write: () => [
    ['hidden_act', 'silu'],
    ['use_sliding_window', false],
  ],
};
