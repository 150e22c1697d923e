// The one place where settings become a run: model, optimizer, trainer and generator, and the plans of all that they will run.
// Nothing is allocated: pretrain runs these parts, inspect and the proposals only look at their plans.
import type { Machine } from '../autograd/machine.ts';
import { SizeError } from '../errors.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { familyRow, type ModelConfig, makeModel } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import { AdamW } from '../optim/adamw.ts';
import { Ema } from '../optim/ema.ts';
import { freezeParts } from '../optim/frozen.ts';
import { Muon } from '../optim/muon.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { mib } from '../runtime/buffers.ts';
import type { Device } from '../runtime/device.ts';
import type { Plan } from '../schedule/plan.ts';
import { languageTask } from '../tasks/language.ts';
import { bytesOf } from '../tensor/tensor.ts';
import { type Limits, misfit } from './limits.ts';
import { plannedBatch, rowsFor } from './loss_batches.ts';
import { memoryOf, type RunMemory } from './memory.ts';
import type { PretrainSettings } from './presets.ts';
import type { PlannedFunction } from './step.ts';
import { Trainer } from './trainer.ts';

/** Tokens of a sample. */
export const SAMPLE_TOKENS = 160;
/** Tokens of the validation part that a sample begins with, where no prompt is given. */
export const PROMPT_TOKENS = 8;
/** AdamW's part of Muon's learning rate: 0.02 is 0.001 for it. */
const MUON_REST = 0.05;
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

/** What plans are made for: a device, or an adapter that is not here. */
export type Planner = Machine & Pick<Device, 'plan'>;

export interface RunParts {
  model: LanguageModel;
  optimizer: Optimizer;
  trainer: Trainer;
  generator: TokenGenerator;
}

export interface RunPlans {
  /** Of a training step; first of all plans. */
  step: readonly Plan[];
  /** All, the evaluation's and those of the samples too. */
  plans: readonly Plan[];
  /** Windows of a batch of the evaluation. */
  rows: number;
  memory: RunMemory;
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
  const optimizer = optimizerOf(model, settings);
  const { labelSmoothing, dropout, recompute, accumulate, skipSpikes, ema, dtype } = settings;
  const trainer = new Trainer({
    machine,
    model,
    optimizer,
    task: languageTask({ labelSmoothing, recompute, dtype, dropout: dropout > 0 ? { p: dropout, seed } : undefined }),
    evaluation: languageTask({ dtype }),
    accumulate,
    skipSpikes,
    ema: ema > 0 ? new Ema(model.parameters, ema) : null,
  });
  return { model, optimizer, trainer, generator: new TokenGenerator(machine, model, dtype) };
}

function optimizerOf({ config, parameters }: LanguageModel, settings: PretrainSettings): Optimizer {
  const { optimizer, weightDecay, beta1, beta2, eps } = settings;
  const gradClip = settings.gradClip || null;
  const lossScale = settings.dtype === 'f16';
  if (optimizer === 'adamw') return new AdamW(parameters, { weightDecay, beta1, beta2, eps, gradClip, lossScale });
  const adamw = { beta1, beta2, eps, learningRateScale: MUON_REST };
  const { storedInOut } = familyRow(config.family);
  return new Muon(parameters, { weightDecay, gradClip, lossScale, storedInOut: () => storedInOut, adamw });
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
  const functions = trainer.functions(plannedBatch(batch, context), plannedBatch(rows, context));
  const plan = ({ fn, batch: shapes, options }: PlannedFunction) => machine.plan(fn, shapes, options);
  const evaluates = ({ kind }: PlannedFunction) => kind === 'trained' || kind === 'ema';
  const step = functions.filter((each) => !evaluates(each)).map(plan);
  const alone = memoryOf(step);
  // What does not fit without evaluation and samples is refused anyway.
  if (misfit(alone, limits)) return { step, plans: step, rows, memory: alone };
  const sampling = sampleEvery > 0 ? generator.planned(text.promptTokens, SAMPLE_TOKENS) : [];
  const samples = sampling.map(({ fn, batch: shapes }) => machine.plan(fn, shapes));
  const plans = [...step, ...samples, ...functions.filter(evaluates).map(plan)];
  return { step, plans, rows, memory: memoryOf(plans) };
}
