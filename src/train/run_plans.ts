// The one place where settings become a run: model, optimizer, trainer and generator, and the plans of all that they will run.
// Nothing is allocated: pretrain runs these parts, inspect and the proposals only look at their plans.
import type { Machine } from '../autograd/machine.ts';
import { SizeError } from '../errors.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { familyRow, type ModelConfig, makeModel } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import { freezeParts } from '../optim/frozen.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { mib } from '../runtime/buffers.ts';
import { languageTask } from '../tasks/language.ts';
import { bytesOf } from '../tensor/tensor.ts';
import type { Limits } from './limits.ts';
import { plannedBatch, rowsFor } from './loss_batches.ts';
import type { PretrainSettings } from './presets.ts';
import type { Trainer } from './trainer.ts';
import { type Planner, planTraining, type TrainingPlans, trainerOf } from './training.ts';

/** Tokens of a sample. */
export const SAMPLE_TOKENS = 160;
/** Tokens of the validation part that a sample begins with, where no prompt is given. */
export const PROMPT_TOKENS = 8;
/** WebGPU counts the bytes of a binding in 32 bits. */
const MOST_IN_A_BINDING = 2 ** 32 - 4;

/** What a text decides about the plans of a run. */
export interface TextSizes {
  vocabSize: number;
  /** Tokens of the validation part. */
  validationTokens: number;
  /** Tokens that a sample begins with. */
  promptTokens: number;
}

export interface RunParts {
  model: LanguageModel;
  optimizer: Optimizer;
  trainer: Trainer;
  generator: TokenGenerator;
}

export interface RunPlans extends TrainingPlans {
  /** Windows of a batch of the evaluation. */
  rows: number;
}

/**
 * @param config of a model whose weights are there already; by default one that begins with random weights follows from the settings
 * @throws InputError if the width is not divisible by the heads, and as freezeParts
 */
export function makeRun(
  machine: Machine,
  settings: PretrainSettings,
  vocabSize: number,
  seed: number,
  config: ModelConfig | null = null,
): RunParts {
  const embeddingStd = settings.embeddingStd || undefined;
  const model = makeModel(config ?? configOf(settings, vocabSize), { seed, embeddingStd });
  // Random values of a large model would take longer than loading it.
  if (config) for (const p of model.parameters) p.init = undefined;
  freezeParts(model.parameters, settings.train, settings.freeze);
  return trainingOf(machine, model, settings, seed);
}

/** The same around a model that is there. */
export function trainingOf(machine: Machine, model: LanguageModel, settings: PretrainSettings, seed: number): RunParts {
  const { labelSmoothing, dropout, recompute, dtype } = settings;
  const { storedInOut } = familyRow(model.config.family);
  const { optimizer, trainer } = trainerOf(machine, settings, {
    model,
    task: languageTask({ labelSmoothing, recompute, dtype, dropout: dropout > 0 ? { p: dropout, seed } : undefined }),
    evaluation: languageTask({ dtype }),
    storedInOut: () => storedInOut,
  });
  return { model, optimizer, trainer, generator: new TokenGenerator(machine, model, dtype) };
}

/** The model that these settings ask for, over a vocabulary of that size. */
export function configOf(s: PretrainSettings, vocabSize: number): ModelConfig {
  return familyRow(s.family).chosen({
    vocabSize,
    blockSize: s.context,
    nEmbd: s.width,
    nLayer: s.layers,
    nHead: s.heads,
    kvHeads: s.kvHeads || s.heads,
    initializerRange: s.initStd,
    tieWordEmbeddings: s.tied,
    bias: s.bias,
  });
}

/**
 * Plans everything that a run will run. Where a step alone does not fit, that is all that is planned.
 * @throws InputError for sizes that no adapter can address or dispatch
 */
export function planRun(
  machine: Planner,
  { trainer, generator }: RunParts,
  settings: PretrainSettings,
  text: TextSizes,
  limits: Limits,
): RunPlans {
  const { batch, context, width, sampleEvery, dtype } = settings;
  const hidden = bytesOf(batch * context * width, dtype);
  if (hidden > MOST_IN_A_BINDING)
    throw new SizeError(
      `model: the hidden states of a step need ${mib(hidden)} in one buffer, no adapter allows more than ${mib(MOST_IN_A_BINDING)}.`,
    );
  const rows = rowsFor(text.validationTokens, context, batch);
  const shapes = {
    batch: plannedBatch(batch, context),
    evaluated: plannedBatch(rows, context),
    sampling: sampleEvery > 0 ? generator.planned(text.promptTokens, SAMPLE_TOKENS) : [],
  };
  return { ...planTraining(machine, trainer, shapes, limits), rows };
}
