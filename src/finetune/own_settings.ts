// Settings that some tasks have beside those of every training.
import type { PromptFormat } from '../data/instruct/prompt_format.ts';
import type { NormPlace, Positions, Tie } from '../nn/transformer_config.ts';

/** Settings of some tasks, each a flag of the same name; a run has those of its own task. */
export interface OwnSettings {
  windows?: 'random' | 'strided';
  stride?: number;
  textColumn?: string;
  labelColumn?: string;
  balance?: boolean;
  classWeights?: string;
  sampling?: 'rows' | 'balanced';
  pooling?: 'last-token' | 'last-position' | 'mean';
  testPart?: number;
  packing?: boolean;
  lossOn?: 'answer' | 'all';
  turns?: 'all' | 'last';
  /** '' until it is known whether the model has a chat template. */
  promptFormat?: PromptFormat | '';
  dpoBeta?: number;
  teacher?: string;
  distillTemperature?: number;
  distillMix?: number;
  sourceColumn?: string;
  targetColumn?: string;
  encoderLayers?: number;
  decoderLayers?: number;
  width?: number;
  heads?: number;
  /** 0 until it is known: four times the width. */
  ffn?: number;
  norm?: NormPlace;
  positions?: Positions;
  /** Not there until it is known: by the vocabulary. */
  tie?: Tie;
  vocabulary?: 'shared' | 'separate';
  vocabSize?: number;
  /** Positions of a batch, padding included; it stands in for `batch`, which is then the most rows of one. */
  batchTokens?: number;
  longPairs?: 'cut' | 'drop';
  beams?: number;
  maskPart?: number;
}

/** What they are where neither a person nor a task says otherwise. One that is left out is each task's to say. */
export const OWN_DEFAULTS = {
  windows: 'random',
  stride: 0,
  textColumn: '',
  labelColumn: '',
  balance: false,
  classWeights: 'none',
  sampling: 'rows',
  packing: false,
  lossOn: 'answer',
  turns: 'all',
  promptFormat: '',
  dpoBeta: 0.1,
  teacher: '',
  distillTemperature: 2,
  distillMix: 0.5,
  maskPart: 0.15,
  sourceColumn: '',
  targetColumn: '',
  decoderLayers: 2,
  width: 128,
  heads: 4,
  ffn: 0,
  norm: 'pre',
  positions: 'sinusoidal',
  vocabulary: 'shared',
  vocabSize: 4000,
  batchTokens: 1024,
  longPairs: 'cut',
  beams: 4,
} as const satisfies OwnSettings;

/** Those that a task has. @param names of its own settings; others are passed over */
export function ownDefaults(names: readonly string[]): OwnSettings {
  return Object.fromEntries(Object.entries(OWN_DEFAULTS).filter(([name]) => names.includes(name)));
}
