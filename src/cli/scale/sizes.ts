// Models that a forecast can be asked for by name, as their authors published them.
import { configParameterCount, makeModel } from '../../nn/families.ts';
import { gpt2Config } from '../../nn/gpt2_config.ts';
import { llamaConfig } from '../../nn/llama_config.ts';
import type { LanguageModel } from '../../nn/model.ts';
import type { PretrainSettings } from '../../train/presets.ts';

export interface ModelSize {
  name: string;
  /** Of the model at its usual context. */
  parameters: number;
  vocabSize: number;
  /** What the settings of a run say of it. Forecasts are of a context of 1,024 unless another is given. */
  settings: Pick<PretrainSettings, 'layers' | 'heads' | 'width' | 'context' | 'tied'>;
  /** First values are never drawn. */
  make(context: number): LanguageModel;
}

const CONTEXT = 1024;

/** Source: Radford et al. 2019, table 2; heads of 64 as the released models have them. */
function gpt2(name: string, layers: number, width: number): ModelSize {
  const heads = width / 64;
  const config = (blockSize: number) =>
    gpt2Config({ vocabSize: 50257, blockSize, nEmbd: width, nLayer: layers, nHead: heads });
  return {
    name,
    parameters: configParameterCount(config(CONTEXT)),
    vocabSize: 50257,
    settings: { layers, heads, width, context: CONTEXT, tied: true },
    make: (context) => makeModel(config(context), { seed: 0 }),
  };
}

type LlamaSizes = Parameters<typeof llamaConfig>[0];

function llama(name: string, sizes: Omit<LlamaSizes, 'blockSize'>): ModelSize {
  const config = (blockSize: number) => llamaConfig({ ...sizes, blockSize });
  const { nLayer: layers, nHead: heads, nEmbd: width, vocabSize } = sizes;
  return {
    name,
    parameters: configParameterCount(config(CONTEXT)),
    vocabSize,
    settings: { layers, heads, width, context: CONTEXT, tied: true },
    make: (context) => makeModel(config(context), { seed: 0 }),
  };
}

/** Source: config.json of HuggingFaceTB/SmolLM2-135M. */
const SMOLLM2_135M = {
  vocabSize: 49152,
  nEmbd: 576,
  nLayer: 30,
  nHead: 9,
  kvHeads: 3,
  nInner: 1536,
  ropeTheta: 100_000,
};

/** Source: config.json of meta-llama/Llama-3.2-1B. */
const LLAMA_3_2_1B: Omit<LlamaSizes, 'blockSize'> = {
  vocabSize: 128256,
  nEmbd: 2048,
  nLayer: 16,
  nHead: 32,
  kvHeads: 8,
  headDim: 64,
  nInner: 8192,
  rmsNormEps: 1e-5,
  ropeTheta: 500_000,
  ropeScaling: { type: 'llama3', factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalBlockSize: 8192 },
};

export const MODEL_SIZES: ReadonlyMap<string, ModelSize> = new Map(
  [
    gpt2('gpt2', 12, 768),
    gpt2('gpt2-medium', 24, 1024),
    gpt2('gpt2-large', 36, 1280),
    gpt2('gpt2-xl', 48, 1600),
    llama('smollm2-135m', SMOLLM2_135M),
    llama('llama-3.2-1b', LLAMA_3_2_1B),
  ].map((size) => [size.name, size]),
);
