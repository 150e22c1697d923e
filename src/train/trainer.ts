// Steps of training: queued ahead on the machine, counted only when a read has covered them, stopped by the first loss or
// gradient that is not finite. Saving, evaluating and talking about it is the loop's business (loop.ts).

import { backward } from '../autograd/backward.ts';
import type { Traced } from '../autograd/graph.ts';
import type { Batch, Compiled, CompileOptions, Machine, Scalars } from '../autograd/machine.ts';
import { InputError, NotFiniteError, RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { tally, zero } from '../ops/accumulate.ts';
import type { Average } from '../optim/average.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Task } from '../tasks/task.ts';
import { Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { type Evaluation, MAX_UNREAD, meanLoss } from './evaluate.ts';

export interface StepResult {
  /** The first is 1; its loss is the untrained model's. */
  step: number;
  /** Mean over all targets of the step. */
  loss: number;
  gradNorm: number;
  learningRate: number;
  /** Deviations of the loss above those before it. */
  deviations: number;
  /** Not applied, because its loss is a spike. */
  skipped: boolean;
  /** Milliseconds this step took, averaged over those read together. */
  ms: number;
  batches: readonly Batch[];
}

/** What a step trains on. */
export interface StepInput {
  /** As many as are accumulated, of any shapes. */
  batches: readonly Batch[];
  learningRate: number;
}

/** A function that a run compiles, and the batch it is planned for. */
export interface PlannedFunction {
  fn: (batch: Record<string, Tensor>) => Traced;
  batch: Batch;
  options?: CompileOptions;
}

interface Queued extends StepInput {
  step: number;
}

export interface TrainerParts {
  machine: Machine;
  model: LanguageModel;
  optimizer: Optimizer;
  task: Task;
  /** The loss of an evaluation, where it differs from the one that is trained (label smoothing, dropout). */
  evaluation?: Task;
  /** Batches a step. Default 1. */
  accumulate?: number;
  /** A step whose loss is a spike changes nothing. */
  skipSpikes?: boolean;
  /** Averaged weights, which follow the trained ones. */
  average?: Average | null;
}

/** Which weights an evaluation is of. */
export type Weights = 'trained' | 'average';

/** Results are read about this often (ms), so that reading costs little and the screen stays alive. */
const READ_EVERY = 250;

const ADVICE = 'Lower the learning rate or go back to an earlier checkpoint.';

export class Trainer {
  readonly machine: Machine;
  readonly model: LanguageModel;
  readonly optimizer: Optimizer;
  readonly average: Average | null;
  /** Steps done and acknowledged. */
  step = 0;
  readonly #parts: Required<TrainerParts>;
  /** Sum of losses and number of targets of the batches that are being accumulated. */
  readonly #totals = new Tensor({ kind: 'state', shape: [2], name: 'totals', memoryClass: 'gradients' });
  /** What one batch does, and what ends the step: one function where a step is one batch. */
  #perBatch: Compiled | null;
  #perStep: Compiled;
  #evaluate: Readonly<Record<Weights, Compiled>>;
  #queued: Queued[] = [];
  #msPerStep = READ_EVERY;

  constructor(parts: TrainerParts) {
    const { machine, model, optimizer, average = null } = parts;
    [this.machine, this.model, this.optimizer, this.average] = [machine, model, optimizer, average];
    this.#parts = { evaluation: parts.task, accumulate: 1, skipSpikes: false, average, ...parts };
    const whole = this.#parts.accumulate === 1;
    this.#perBatch = whole ? null : machine.compile(this.accumulateFunction);
    this.#perStep = machine.compile(whole ? this.stepFunction : this.applyFunction);
    this.#evaluate = {
      trained: machine.compile(this.evaluationFunction),
      average: machine.compile(this.evaluationFunction, this.#averaged),
    };
  }

  /** A training step of one batch as a function over it: what is compiled, planned, inspected. */
  readonly stepFunction = (batch: Record<string, Tensor>) => {
    const { task, skipSpikes, average } = this.#parts;
    const { loss } = task.loss(this.model, batch);
    return this.optimizer.step(backward(loss), { loss, skipSpikes, average: average ?? undefined });
  };

  /** One of several batches of a step: gradients of the sum of its losses onto those before. */
  readonly accumulateFunction = (batch: Record<string, Tensor>) => {
    const { loss, kept } = this.#parts.task.loss(this.model, batch);
    tally(this.#totals, loss, kept);
    this.optimizer.collect(backward(loss, { seed: kept, onto: this.optimizer.gradients() }));
    return {};
  };

  /** The end of a step of several batches: the update from what has been summed, and zeros for the next. */
  readonly applyFunction = () => {
    const { skipSpikes, average } = this.#parts;
    const figures = this.optimizer.apply({ totals: this.#totals, skipSpikes, average: average ?? undefined });
    for (const state of [...this.optimizer.gradientSlabs(), this.#totals]) zero(state);
    return figures;
  };

  /** The loss of an evaluation, likewise. */
  readonly evaluationFunction = (batch: Record<string, Tensor>) => ({
    ...this.#parts.evaluation.loss(this.model, batch),
  });

  /** Every function of a run, for batches of this shape and evaluations of that. */
  functions(batch: Batch, evaluated: Batch): PlannedFunction[] {
    const step =
      this.#parts.accumulate === 1
        ? [{ fn: this.stepFunction, batch }]
        : [
            { fn: this.accumulateFunction, batch },
            { fn: this.applyFunction, batch: {} },
          ];
    const evaluation = { fn: this.evaluationFunction, batch: evaluated };
    return [...step, evaluation, ...(this.average ? [{ ...evaluation, options: this.#averaged }] : [])];
  }

  get #averaged(): CompileOptions {
    return this.average ? { parameters: this.average.weights } : {};
  }

  /**
   * Runs steps until `until` are done, or `stop()` says so between two steps.
   * @param next what step number n (from 1) trains on
   * @throws RunError at a loss or gradient norm that is not finite, naming step and first kernel; parameters stay as before it
   */
  async *advance(
    until: number,
    next: (step: number) => StepInput,
    stop: () => boolean = () => false,
  ): AsyncGenerator<StepResult> {
    let since = performance.now();
    while (this.step < until && !stop()) {
      const burst = Math.max(1, Math.min(MAX_UNREAD, Math.round(READ_EVERY / this.#msPerStep)));
      for (let i = 0; i < burst && this.step + this.#queued.length < until && !stop(); i++) {
        const step = this.step + this.#queued.length + 1;
        const queued = { step, ...next(step) };
        this.#queued.push(queued);
        await this.#queue(queued);
      }
      const replays = await this.#perStep.collect();
      const now = performance.now();
      this.#msPerStep = (now - since) / replays.length;
      since = now;
      for (const { values } of replays) {
        const queued = this.#queued.shift()!;
        const { step, learningRate, batches } = queued;
        const [loss, gradNorm] = [values.meanLoss![0]!, values.gradNorm![0]!];
        if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) await this.#fail(queued, loss, gradNorm);
        this.step = step;
        const [deviations, skipped] = [values.deviations![0]!, values.skipped![0] === 1];
        yield { step, loss, gradNorm, learningRate, deviations, skipped, ms: this.#msPerStep, batches };
      }
    }
  }

  async #queue({ step, batches, learningRate }: Queued): Promise<void> {
    const { accumulate } = this.#parts;
    if (batches.length !== accumulate)
      throw new InputError(`trainer: found ${batches.length} batches for step ${step}, expected ${accumulate}.`);
    if (!this.#perBatch) {
      await this.#perStep(batches[0]!, { learningRate, ...this.#scalars(step, 0) });
      return;
    }
    for (const [i, batch] of batches.entries()) await this.#perBatch(batch, this.#scalars(step, i));
    await this.#perStep({}, { learningRate });
  }

  /** Numbers that the task asks for with batch `i` of a step. */
  #scalars(step: number, i: number): Scalars {
    const { task, accumulate } = this.#parts;
    return task.scalars?.((step - 1) * accumulate + i) ?? {};
  }

  /** Says what was found at a step, and which value was the first that is not finite. */
  async #fail({ step, batches }: Queued, loss: number, gradNorm: number): Promise<never> {
    const found = Number.isFinite(loss) ? `gradient norm ${gradNorm}` : `loss ${loss}`;
    this.#queued = [];
    const fn = (batch: Record<string, Tensor>) => {
      const { loss: value } = this.#parts.task.loss(this.model, batch);
      const gradients = [...backward(value)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
      return { loss: value, ...Object.fromEntries(gradients) };
    };
    const scalars = batches.map((_, i) => this.#scalars(step, i));
    const options = { scalars, batches };
    const culprit = await whoMadeIt(this.machine, this.model.parameters, fn, batches[0]!, options);
    throw new NotFiniteError(`step ${step}: ${found}, expected a finite number. ${culprit} ${ADVICE}`);
  }

  /**
   * Mean loss over batches; see meanLoss.
   * @throws RunError at one that is not finite, naming step and first kernel
   */
  evaluate(batches: Iterable<Batch>, stop?: () => boolean, weights: Weights = 'trained'): Promise<Evaluation> {
    const refuse = async (batch: Batch, loss: number) => {
      const options = weights === 'average' && this.average ? { averaged: this.average.weights } : {};
      const culprit = await whoMadeIt(this.machine, this.model.parameters, this.evaluationFunction, batch, options);
      throw new RunError(
        `step ${this.step}: loss ${loss} in an evaluation, expected a finite number. ${culprit} ${ADVICE}`,
      );
    };
    return meanLoss(this.#evaluate[weights], batches, refuse, stop);
  }

  /** What the machine keeps for this training beside plans, to be released or forgotten. */
  tensors(): Tensor[] {
    return [...this.model.parameters, ...this.optimizer.tensors(), ...(this.average?.tensors() ?? []), this.#totals];
  }

  release(): void {
    for (const compiled of [this.#perBatch, this.#perStep, ...Object.values(this.#evaluate)]) compiled?.release();
    this.machine.release(this.tensors());
  }
}
