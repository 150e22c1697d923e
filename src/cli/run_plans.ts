// The one place where settings become a run: model, optimizer, trainer and generator, and the plans of all that they will run.
// Nothing is allocated: pretrain runs these parts, inspect and the proposals only look at their plans.
import { SizeError } from '../errors.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { GPT2, type GPT2Config, gpt2Config } from '../nn/gpt2.ts';
import { AdamW } from '../optim/adamw.ts';
import { Ema } from '../optim/ema.ts';
import { Muon } from '../optim/muon.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { mib } from '../runtime/buffers.ts';
import type { Device } from '../runtime/device.ts';
import type { Plan } from '../schedule/plan.ts';
import { languageTask } from '../tasks/language.ts';
import type { PlannedFunction } from '../train/step.ts';
import { Trainer } from '../train/trainer.ts';
import { type Limits, misfit } from './limits.ts';
import { plannedBatch, rowsFor } from './loss_batches.ts';
import { memoryOf, type RunMemory } from './memory.ts';
import type { PretrainSettings } from './presets.ts';

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

export interface RunParts {
  config: GPT2Config;
  model: GPT2;
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

/** @throws InputError if the width is not divisible by the heads */
export function makeRun(device: Device, settings: PretrainSettings, vocabSize: number, seed: number): RunParts {
  const config = configOf(settings, vocabSize);
  const model = new GPT2(config, { seed, embeddingStd: settings.embeddingStd || undefined });
  const optimizer = optimizerOf(model, settings);
  const { labelSmoothing, dropout, recompute, accumulate, skipSpikes, ema } = settings;
  const trainer = new Trainer({
    machine: device,
    model,
    optimizer,
    task: languageTask({ labelSmoothing, recompute, dropout: dropout > 0 ? { p: dropout, seed } : undefined }),
    evaluation: languageTask(),
    accumulate,
    skipSpikes,
    ema: ema > 0 ? new Ema(model.parameters, ema) : null,
  });
  return { config, model, optimizer, trainer, generator: new TokenGenerator(device, model) };
}

function optimizerOf({ parameters }: GPT2, settings: PretrainSettings): Optimizer {
  const { optimizer, weightDecay, beta1, beta2, eps } = settings;
  const gradClip = settings.gradClip || null;
  if (optimizer === 'adamw') return new AdamW(parameters, { weightDecay, beta1, beta2, eps, gradClip });
  const adamw = { beta1, beta2, eps, learningRateScale: MUON_REST };
  return new Muon(parameters, { weightDecay, gradClip, storedInOut: () => true, adamw });
}

export function configOf(s: PretrainSettings, vocabSize: number): GPT2Config {
  return gpt2Config({
    vocabSize,
    blockSize: s.context,
    nEmbd: s.width,
    nLayer: s.layers,
    nHead: s.heads,
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
  device: Device,
  { trainer, generator }: RunParts,
  settings: PretrainSettings,
  text: TextSizes,
  limits: Limits,
): RunPlans {
  const { batch, context, width, sampleEvery } = settings;
  const hidden = 4 * batch * context * width;
  if (hidden > MOST_IN_A_BINDING)
    throw new SizeError(
      `model: the hidden states of a step need ${mib(hidden)} in one buffer, no adapter allows more than ${mib(MOST_IN_A_BINDING)}.`,
    );
  const rows = rowsFor(text.validationTokens, context, batch);
  const functions = trainer.functions(plannedBatch(batch, context), plannedBatch(rows, context));
  const plan = ({ fn, batch: shapes, options }: PlannedFunction) => device.plan(fn, shapes, options);
  const evaluates = ({ kind }: PlannedFunction) => kind === 'trained' || kind === 'ema';
  const step = functions.filter((each) => !evaluates(each)).map(plan);
  const alone = memoryOf(step);
  // What does not fit without evaluation and samples is refused anyway.
  if (misfit(alone, limits)) return { step, plans: step, rows, memory: alone };
  const shapes = sampleEvery > 0 ? generator.shapes(text.promptTokens, SAMPLE_TOKENS) : [];
  const samples = shapes.map((shape) => device.plan(generator.stepFunction, shape));
  const plans = [...step, ...samples, ...functions.filter(evaluates).map(plan)];
  return { step, plans, rows, memory: memoryOf(plans) };
}
