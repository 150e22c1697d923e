// From a model, its task and settings to what trains it, and the plans of all that this will run. Nothing is allocated.
import type { Machine } from '../autograd/machine.ts';
import type { Trainable } from '../nn/model.ts';
import { AdamW } from '../optim/adamw.ts';
import { Ema } from '../optim/ema.ts';
import { Muon } from '../optim/muon.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Device } from '../runtime/device.ts';
import type { Plan } from '../schedule/plan.ts';
import type { Task } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Limits, misfit } from './limits.ts';
import { memoryOf, type RunMemory } from './memory.ts';
import type { TrainingSettings } from './settings.ts';
import type { PlannedFunction } from './step.ts';
import { Trainer } from './trainer.ts';

/** AdamW's part of Muon's learning rate: 0.02 is 0.001 for it. */
const MUON_REST = 0.05;

/** A trainer, whatever it trains. */
export type AnyTrainer = Omit<Trainer<never>, 'model' | 'stepFunction'> & { readonly model: Trainable };

/** What is trained, and how a batch becomes a loss. */
export interface Trained<M extends Trainable> {
  /** Its frozen parts are frozen already. */
  model: M;
  task: Task<M>;
  /** The loss of an evaluation: nothing is dropped or smoothed. */
  evaluation: Task<M>;
  /** Which matrices are stored (in,out), instead of (out,in). */
  storedInOut(parameter: Tensor): boolean;
}

export function trainerOf<M extends Trainable>(
  machine: Machine,
  settings: TrainingSettings,
  { model, task, evaluation, storedInOut }: Trained<M>,
): { optimizer: Optimizer; trainer: Trainer<M> } {
  const optimizer = optimizerOf(model.parameters, settings, storedInOut);
  const { accumulate, skipSpikes, ema: decay } = settings;
  const ema = decay > 0 ? new Ema(model.parameters, decay) : null;
  return {
    optimizer,
    trainer: new Trainer({ machine, model, optimizer, task, evaluation, accumulate, skipSpikes, ema }),
  };
}

function optimizerOf(
  parameters: readonly Tensor[],
  settings: TrainingSettings,
  storedInOut: (parameter: Tensor) => boolean,
): Optimizer {
  const { optimizer, weightDecay, beta1, beta2, eps } = settings;
  const gradClip = settings.gradClip || null;
  const lossScale = settings.dtype === 'f16';
  if (optimizer === 'adamw') return new AdamW(parameters, { weightDecay, beta1, beta2, eps, gradClip, lossScale });
  const adamw = { beta1, beta2, eps, learningRateScale: MUON_REST };
  return new Muon(parameters, { weightDecay, gradClip, lossScale, storedInOut, adamw });
}

/** What plans are made for: a device, or an adapter that is not here. */
export type Planner = Machine & Pick<Device, 'plan'>;

/** Batches by their shapes, and what samples run. Of batches of several widths the widest. */
export interface PlannedShapes {
  batch: PlannedFunction['batch'];
  evaluated: PlannedFunction['batch'];
  sampling: readonly Pick<PlannedFunction, 'fn' | 'batch'>[];
}

export interface TrainingPlans {
  /** Of a training step; first of all plans. */
  step: readonly Plan[];
  /** All, the evaluation's and those of the samples too. */
  plans: readonly Plan[];
  memory: RunMemory;
}

/** Plans everything that a run will run. Where a step alone does not fit, that is all that is planned. */
export function planTraining(
  machine: Planner,
  trainer: AnyTrainer,
  { batch, evaluated, sampling }: PlannedShapes,
  limits: Limits,
): TrainingPlans {
  const functions = trainer.functions(batch, evaluated);
  const plan = ({ fn, batch: shapes, options }: PlannedFunction) => machine.plan(fn, shapes, options);
  const evaluates = ({ kind }: PlannedFunction) => kind === 'trained' || kind === 'ema';
  const step = functions.filter((each) => !evaluates(each)).map(plan);
  const alone = memoryOf(step);
  // What does not fit without evaluation and samples is refused anyway.
  if (misfit(alone, limits)) return { step, plans: step, memory: alone };
  const samples = sampling.map(({ fn, batch: shapes }) => machine.plan(fn, shapes));
  const plans = [...step, ...samples, ...functions.filter(evaluates).map(plan)];
  return { step, plans, memory: memoryOf(plans) };
}
