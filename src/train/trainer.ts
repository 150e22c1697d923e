// Steps of training: queued ahead on the machine, counted only when a read has covered them, stopped by the first loss or
// gradient that is not finite. Saving, evaluating and talking about it is the loop's business (loop.ts).

import { backward } from '../autograd/backward.ts';
import type { Batch, Compiled, Machine } from '../autograd/machine.ts';
import { RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Task } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { type Evaluation, MAX_UNREAD, meanLoss } from './evaluate.ts';

export interface StepResult {
  /** The first is 1; its loss is the untrained model's. */
  step: number;
  loss: number;
  gradNorm: number;
  learningRate: number;
  /** Milliseconds this step took, averaged over those read together. */
  ms: number;
}

interface Queued {
  step: number;
  learningRate: number;
  batch: Batch;
}

/** Results are read about this often (ms), so that reading costs little and the screen stays alive. */
const READ_EVERY = 250;

const ADVICE = 'Lower the learning rate or go back to an earlier checkpoint.';

export class Trainer {
  readonly machine: Machine;
  readonly model: LanguageModel;
  readonly optimizer: Optimizer;
  /** Steps done and acknowledged. */
  step = 0;
  #task: Task;
  #evaluation: Task;
  #train: Compiled;
  #evaluate: Compiled;
  #queued: Queued[] = [];
  #msPerStep = READ_EVERY;

  /** @param parts.evaluation the loss of an evaluation, where it differs from the one that is trained (label smoothing) */
  constructor(parts: { machine: Machine; model: LanguageModel; optimizer: Optimizer; task: Task; evaluation?: Task }) {
    this.machine = parts.machine;
    this.model = parts.model;
    this.optimizer = parts.optimizer;
    this.#task = parts.task;
    this.#evaluation = parts.evaluation ?? parts.task;
    this.#train = this.machine.compile(this.stepFunction);
    this.#evaluate = this.machine.compile(this.evaluationFunction);
  }

  /** The training step as a function over a batch: what is compiled, planned, inspected. */
  readonly stepFunction = (batch: Record<string, Tensor>) => {
    const { loss } = this.#task.loss(this.model, batch);
    return { loss, ...this.optimizer.step(backward(loss)) };
  };

  /** The loss of an evaluation, likewise. */
  readonly evaluationFunction = (batch: Record<string, Tensor>) => ({ ...this.#evaluation.loss(this.model, batch) });

  /**
   * Runs steps until `until` are done, or `stop()` says so between two steps.
   * @param next the batch and learning rate of step number n (from 1)
   * @throws RunError at a loss or gradient norm that is not finite, naming step and first kernel; parameters stay as before it
   */
  async *advance(
    until: number,
    next: (step: number) => { batch: Batch; learningRate: number },
    stop: () => boolean = () => false,
  ): AsyncGenerator<StepResult> {
    let since = performance.now();
    while (this.step < until && !stop()) {
      const burst = Math.max(1, Math.min(MAX_UNREAD, Math.round(READ_EVERY / this.#msPerStep)));
      for (let i = 0; i < burst && this.step + this.#queued.length < until && !stop(); i++) {
        const step = this.step + this.#queued.length + 1;
        const queued = { step, ...next(step) };
        this.#queued.push(queued);
        await this.#train(queued.batch, { learningRate: queued.learningRate });
      }
      const replays = await this.#train.collect();
      const now = performance.now();
      this.#msPerStep = (now - since) / replays.length;
      since = now;
      for (const { values } of replays) {
        const { step, learningRate, batch } = this.#queued.shift()!;
        const [loss, gradNorm] = [values.loss![0]!, values.gradNorm![0]!];
        if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) await this.#fail(step, loss, gradNorm, batch);
        this.step = step;
        yield { step, loss, gradNorm, learningRate, ms: this.#msPerStep };
      }
    }
  }

  /** Says what was found at a step, and which value was the first that is not finite. */
  async #fail(step: number, loss: number, gradNorm: number, batch: Batch): Promise<never> {
    const found = Number.isFinite(loss) ? `gradient norm ${gradNorm}` : `loss ${loss}`;
    this.#queued = [];
    const culprit = await whoMadeIt(
      this.machine,
      this.model.parameters,
      (b) => {
        const { loss: value } = this.#task.loss(this.model, b);
        const gradients = [...backward(value)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
        return { loss: value, ...Object.fromEntries(gradients) };
      },
      batch,
    );
    throw new RunError(`step ${step}: ${found}, expected a finite number. ${culprit} ${ADVICE}`);
  }

  /** Mean loss over batches; see meanLoss. @throws RunError at one that is not finite, naming step and first kernel */
  evaluate(batches: Iterable<Batch>, stop?: () => boolean): Promise<Evaluation> {
    const refuse = async (batch: Batch, loss: number) => {
      const culprit = await whoMadeIt(this.machine, this.model.parameters, this.evaluationFunction, batch);
      throw new RunError(
        `step ${this.step}: loss ${loss} in an evaluation, expected a finite number. ${culprit} ${ADVICE}`,
      );
    };
    return meanLoss(this.#evaluate, batches, refuse, stop);
  }

  release(): void {
    this.#train.release();
    this.#evaluate.release();
    this.machine.release([...this.model.parameters, ...this.optimizer.tensors()]);
  }
}
