// The one loop: train, evaluate, sample, save, stop. It yields what happens as events; who shows or writes them is not its
// business, and neither is where it runs.
import type { Batch } from '../autograd/machine.ts';
import { SPIKE } from '../ops/gate.ts';
import { learningRateAt, type ScheduleOptions } from '../optim/schedule.ts';
import type { EvalEvent, SampleEvent, SaveEvent, SpikeEvent, StepEvent, WarningEvent } from './events.ts';
import type { StepResult, Weights } from './step.ts';
import type { AnyTrainer } from './training.ts';

export interface LoopOptions extends ScheduleOptions {
  /** Steps between evaluations, samples and saves; 0 for only at the end (samples: never). */
  evalEvery: number;
  sampleEvery: number;
  saveEvery: number;
  /** Steps after which there is a sample too, as `sampleEvery` asks for more: a young model changes fast. */
  sampleAt?: readonly number[];
  /** B * T of a step, for the speed that is told. */
  tokensPerStep: number;
  /** Batches of step n, from 1, as many as the trainer accumulates. Called once a step, in order. */
  batches(step: number): readonly Batch[];
  /** The whole validation part, and about as much of the train part as is worth the time. */
  validationBatches(): Iterable<Batch>;
  trainBatches(): Iterable<Batch>;
  /** What is told beside the losses of an evaluation that is no mean of rows, of the trained weights or of the averaged ones. */
  figures?(weights: Weights): Promise<Readonly<Record<string, number>>>;
  sample(step: number): Promise<string>;
  /** What is told of a step whose loss is a spike: its text. Without it the step is told and no text. */
  spikeText?(result: StepResult): string;
  /** Something to say of an untrained model's loss, or null. */
  firstLoss?(loss: number): string | null;
  /**
   * Writes a checkpoint of the step just done. `last`: the run ends here, there is no later try.
   * @returns its path, or null if it could not be written and the run goes on
   */
  save(progress: LoopProgress, last: boolean): Promise<string | null>;
  /** Asked between steps and between batches of an evaluation. */
  stop(): boolean;
}

/** What a checkpoint remembers of the loop, so that a resumed run does what the unbroken one would have done. */
export interface LoopProgress {
  step: number;
  /** Step after which the last evaluation was made; 0 for none. */
  evaluatedAt: number;
  /** Step after which the last sample was made; -1 for none, since the untrained model gives one too. */
  sampledAt: number;
  /** Loss over the whole validation part at `evaluatedAt`. */
  validationLoss: number | null;
  best: { step: number; validationLoss: number } | null;
}

export type LoopEvent =
  | StepEvent
  | EvalEvent
  | SpikeEvent
  | WarningEvent
  | SampleEvent
  | SaveEvent
  | { event: 'phase'; text: string };

/** What the loop asks of a trainer. */
export type LoopTrainer = Pick<AnyTrainer, 'step' | 'ema' | 'advance' | 'evaluate'>;

/** Runs until `maxSteps` or until `stop()`; the last thing is a save. Updates `progress` as it goes. */
export async function* loop(trainer: LoopTrainer, o: LoopOptions, progress: LoopProgress): AsyncGenerator<LoopEvent> {
  let saved = progress.step > 0 ? progress.step : null;
  for (;;) {
    const { step } = trainer;
    const done = step >= o.maxSteps;
    const due = (every: number, last: number) => last !== step && (done || (every > 0 && step % every === 0));
    let improved = false;
    // An evaluation or sample that Ctrl-C cut short is not told: the run that goes on makes up for it.
    if (due(o.evalEvery, progress.evaluatedAt) && !o.stop()) {
      yield { event: 'phase', text: 'validating' };
      const validation = await trainer.evaluate(o.validationBatches(), o.stop);
      const train = await trainer.evaluate(o.trainBatches(), o.stop);
      const averaged = trainer.ema && (await trainer.evaluate(o.validationBatches(), o.stop, 'ema'));
      const figures = o.stop() ? {} : await figuresOf(trainer, o);
      if (!o.stop()) {
        improved = progress.best === null || validation.loss < progress.best.validationLoss;
        Object.assign(progress, { evaluatedAt: step, validationLoss: validation.loss });
        if (improved) progress.best = { step, validationLoss: validation.loss };
        const losses = { trainLoss: train.loss, validationLoss: validation.loss };
        const validationMetrics = { ...validation.metrics, ...figures };
        const metrics = any(validationMetrics) && {
          ...(any(train.metrics) && { trainMetrics: train.metrics }),
          validationMetrics,
        };
        const ema = averaged && { emaValidationLoss: averaged.loss };
        yield { event: 'eval', step, ...losses, ...metrics, ...ema };
      }
    }
    const sampleDue =
      due(o.sampleEvery, progress.sampledAt) || (o.sampleAt?.includes(step) && progress.sampledAt < step);
    if (o.sampleEvery > 0 && sampleDue && !o.stop()) {
      yield { event: 'phase', text: 'sampling' };
      const text = await o.sample(step);
      if (!o.stop()) {
        progress.sampledAt = step;
        yield { event: 'sample', step, text };
      }
    }
    const last = done || o.stop();
    if (improved || (saved !== step && (last || due(o.saveEvery, 0)))) {
      yield { event: 'phase', text: 'saving' };
      const path = await o.save({ ...progress, step }, last);
      if (path !== null) {
        saved = step;
        yield { event: 'save', step, path };
      }
    }
    if (last) return;
    const next = (n: number) => ({ batches: o.batches(n), learningRate: learningRateAt(n - 1, o) });
    for await (const result of trainer.advance(nextStop(step, o), next, o.stop)) {
      const { step: now, loss, gradNorm, learningRate, ms, z, skipped, lossScale, metrics } = result;
      progress.step = now;
      const tokensPerSecond = Math.round((1000 * o.tokensPerStep) / ms);
      const scaled = lossScale === null ? {} : { lossScale };
      const told = any(metrics) && { metrics };
      yield { event: 'step', step: now, loss, gradNorm, ...scaled, learningRate, tokensPerSecond, ...told };
      if (result.overflowed) yield { event: 'warning', step: now, text: overflowText(lossScale!) };
      const warning = now === 1 ? o.firstLoss?.(loss) : null;
      if (warning) yield { event: 'warning', step: now, text: warning };
      if (z > SPIKE) yield { event: 'spike', step: now, loss, z, skipped, text: o.spikeText?.(result) ?? '' };
    }
  }
}

function any(metrics: StepResult['metrics']): boolean {
  return Object.keys(metrics).length > 0;
}

/** Figures of the trained weights by their names, and of the averaged ones: `bleu` and `emaBleu`. */
async function figuresOf({ ema }: LoopTrainer, o: LoopOptions): Promise<Readonly<Record<string, number>>> {
  if (!o.figures) return {};
  const trained = await o.figures('trained');
  if (!ema || o.stop()) return trained;
  const averaged = Object.entries(await o.figures('ema'));
  const named = averaged.map(([name, value]) => [`ema${name[0]!.toUpperCase()}${name.slice(1)}`, value] as const);
  return { ...trained, ...Object.fromEntries(named) };
}

/** What is told of a step whose gradients overflowed. */
function overflowText(lossScale: number): string {
  return `the gradients overflow f16 at the loss scale ${lossScale}: the step is skipped, the scale is ${Math.max(1, lossScale / 2)} from now on.`;
}

/** The next step at which something other than a step happens. */
function nextStop(step: number, { evalEvery, sampleEvery, saveEvery, sampleAt = [], maxSteps }: LoopOptions): number {
  const after = (every: number) => (every > 0 ? (Math.floor(step / every) + 1) * every : maxSteps);
  const listed = sampleAt.filter((at) => at > step);
  return Math.min(maxSteps, after(evalEvery), after(sampleEvery), after(saveEvery), ...listed);
}
