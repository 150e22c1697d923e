// Steps of training: queued ahead on the machine, counted only when a read has covered them, stopped by the first loss or
// gradient that is not finite. Saving, evaluating and talking about it is the loop's business (loop.ts).

import { backward } from '../autograd/backward.ts';
import type { Batch, Compiled, Machine, Output, Scalars } from '../autograd/machine.ts';
import { InputError, NotFiniteError, RunError } from '../errors.ts';
import type { LanguageModel, Trainable } from '../nn/model.ts';
import { tally, zero } from '../ops/accumulate.ts';
import { reshape } from '../ops/reshape.ts';
import { scale } from '../ops/scale.ts';
import { sumTo } from '../ops/sum.ts';
import type { Ema } from '../optim/ema.ts';
import { type Optimizer, seedOf } from '../optim/optimizer.ts';
import { MetricMeans, observedResults } from '../tasks/metrics.ts';
import { type HostArray, Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { type Evaluation, lossOf, MAX_UNREAD, mayWait, meanLoss } from './evaluate.ts';
import type { PlannedFunction, RunFunction, StepInput, StepReplay, StepResult, TrainerParts, Weights } from './step.ts';

interface Queued extends StepInput {
  step: number;
}

/** Results are read about this often (ms), so that reading costs little and the screen stays alive. */
const READ_EVERY = 250;

/** Sums over targets are counted in this unit where they are made in f16: the gradient of a single target fits in then. */
const HALF_UNIT = 2 ** -12;

const ADVICE = 'Lower the learning rate or go back to an earlier checkpoint.';
const HALF_ADVICE =
  'Lower the learning rate, go back to an earlier checkpoint, or train in f32, which holds larger numbers.';

export class Trainer<M extends Trainable = LanguageModel> {
  readonly machine: Machine;
  readonly model: M;
  readonly optimizer: Optimizer;
  readonly ema: Ema | null;
  /** Steps done and acknowledged. */
  step = 0;
  /** What the step was to train on that ended this run, because its loss or its gradient was no number; null for all others. */
  halted: StepInput | null = null;
  readonly #parts: Required<TrainerParts<M>>;
  /** Sum of losses and number of targets of the batches that are being accumulated. */
  readonly #totals = new Tensor({ kind: 'state', shape: [2], name: 'totals', memoryClass: 'gradients' });
  readonly #functions: readonly RunFunction[];
  readonly #compiled: ReadonlyMap<RunFunction['kind'], Compiled>;
  #queued: Queued[] = [];
  /** What the batches that are queued have given, as far as it has been read. */
  #given: Readonly<Record<string, HostArray>>[] = [];
  #unread = 0;
  /** Replays that may wait unread. */
  #together = MAX_UNREAD;
  #msPerStep = READ_EVERY;

  constructor(parts: TrainerParts<M>) {
    const { machine, model, optimizer, ema = null } = parts;
    [this.machine, this.model, this.optimizer, this.ema] = [machine, model, optimizer, ema];
    this.#parts = { evaluation: parts.task, accumulate: 1, skipSpikes: false, ema, ...parts };
    const evaluation = lossOf(model, this.#parts.evaluation);
    this.#functions = [
      ...(this.#parts.accumulate === 1
        ? [{ kind: 'step', fn: this.stepFunction } as const]
        : [{ kind: 'batch', fn: this.#accumulate } as const, { kind: 'step', fn: this.#apply } as const]),
      { kind: 'trained', fn: evaluation },
      ...(ema ? [{ kind: 'ema', fn: evaluation, options: { parameters: ema.weights } } as const] : []),
    ];
    this.#compiled = new Map(this.#functions.map(({ kind, fn, options }) => [kind, machine.compile(fn, options)]));
  }

  /** The step whose weights the machine holds once it has done all that is queued; those beyond `step` are not acknowledged yet. */
  get reached(): number {
    return this.step + this.#queued.length;
  }

  /** Every function of a run, for batches of this shape and evaluations of that. */
  functions(batch: Batch, evaluated: Batch): PlannedFunction[] {
    const { accumulate } = this.#parts;
    const batches = { batch, step: accumulate === 1 ? batch : {}, trained: evaluated, ema: evaluated };
    return this.#functions.map((each) => ({ ...each, batch: batches[each.kind] }));
  }

  /** What a step asks of the machine, in its order. @param step number of the step, from 1 */
  replays(step: number, { batches, learningRate }: StepInput): StepReplay[] {
    const all = batches.map((batch, i) => ({ batch, scalars: this.#scalars(step, i) }));
    const last = this.#functions.find(({ kind }) => kind === 'step')!;
    if (this.#parts.accumulate === 1)
      return all.map(({ batch, scalars }) => ({ ...last, batch, scalars: { learningRate, ...scalars } }));
    const each = this.#functions.find(({ kind }) => kind === 'batch')!;
    return [...all.map((given) => ({ ...each, ...given })), { ...last, batch: {}, scalars: { learningRate } }];
  }

  /** The loss of a batch as a step takes it, and the seed of its backward pass. @param alone it is a step; else one of several */
  #loss(batch: Record<string, Tensor>, alone: boolean) {
    const found = this.#parts.task.loss(this.model, batch);
    const { loss, kept, tokenLoss } = found;
    const told = { rowLoss: rowSums(tokenLoss), ...observedResults(found) };
    const weight = alone ? undefined : this.optimizer.lossScale ? scale(kept, HALF_UNIT) : kept;
    return { loss, told, weight, seed: seedOf(this.optimizer, weight) };
  }

  /**
   * A training step of one batch as a function over it: what is compiled, planned, inspected. It is not the two functions below
   * put together: here the mean is taken in the backward pass and no sum is kept, which saves two passes over all gradients.
   */
  readonly stepFunction = (batch: Record<string, Tensor>) => {
    const { skipSpikes, ema } = this.#parts;
    const { loss, told, seed } = this.#loss(batch, true);
    const figures = this.optimizer.step(backward(loss, seed), { loss, skipSpikes, ema: ema ?? undefined });
    return { ...figures, ...told };
  };

  /** One of several batches of a step: gradients of the sum of its losses onto those before. */
  readonly #accumulate = (batch: Record<string, Tensor>) => {
    const { loss, told, weight, seed } = this.#loss(batch, false);
    tally(this.#totals, loss, weight!);
    this.optimizer.collect(backward(loss, { ...seed, onto: this.optimizer.gradients() }));
    return told;
  };

  /** The end of a step of several batches: the update from what has been summed, and zeros for the next. */
  readonly #apply = () => {
    const { skipSpikes, ema } = this.#parts;
    const figures = this.optimizer.apply({ totals: this.#totals, skipSpikes, ema: ema ?? undefined });
    for (const state of [...this.optimizer.gradientSlabs(), this.#totals]) zero(state);
    return figures;
  };

  /**
   * Runs steps until `until` are done, or `stop()` says so between two batches: what a step has not finished is dropped.
   * @param next what step number n (from 1) trains on
   * @param diagnose whether the kernel behind a number that is not finite is looked for
   * @throws NotFiniteError at a loss or gradient norm, naming step and first kernel; parameters stay as before it
   */
  async *advance(
    until: number,
    next: (step: number) => StepInput,
    stop: () => boolean = () => false,
    diagnose = true,
  ): AsyncGenerator<StepResult> {
    let since = performance.now();
    while (this.step < until && !stop()) {
      const burst = Math.max(1, Math.min(this.#together, Math.round(READ_EVERY / this.#msPerStep)));
      for (let i = 0; i < Math.min(burst, this.#together) && this.step + this.#queued.length < until && !stop(); i++) {
        const step = this.step + this.#queued.length + 1;
        const queued = { step, ...next(step) };
        if (await this.#queue(queued, stop)) this.#queued.push(queued);
      }
      const replays = await this.#compiled.get('step')!.collect();
      await this.#readRows();
      if (replays.length === 0) return;
      const now = performance.now();
      this.#msPerStep = (now - since) / replays.length;
      since = now;
      for (const { values } of replays) {
        const queued = this.#queued.shift()!;
        const { step, learningRate, batches } = queued;
        const [loss, gradNorm] = [values.meanLoss![0]!, values.gradNorm![0]!];
        const [z, why] = [values.z![0]!, values.skipped![0]!];
        const overflowed = why === 2;
        if (!overflowed && !(Number.isFinite(loss) && Number.isFinite(gradNorm)))
          await this.#fail(queued, loss, gradNorm, diagnose);
        this.step = step;
        const given = values.rowLoss ? [values] : this.#given.splice(0, batches.length);
        const rowLosses = given.map(({ rowLoss }) => rowLoss as Float32Array);
        const means = new MetricMeans(this.#parts.task);
        for (const [i, batch] of batches.entries()) means.push(batch, given[i]!);
        const lossScale = values.lossScale?.[0] ?? null;
        const told = { step, loss, gradNorm, learningRate, z, skipped: why === 1, overflowed, lossScale };
        yield { ...told, ms: this.#msPerStep, batches, rowLosses, metrics: means.means() };
      }
    }
  }

  /** @returns whether the step was queued: between two of several batches `stop` may end it, and what they have summed is dropped */
  async #queue({ step, batches, learningRate }: Queued, stop: () => boolean): Promise<boolean> {
    const { accumulate } = this.#parts;
    if (batches.length !== accumulate)
      throw new InputError(`trainer: found ${batches.length} batches for step ${step}, expected ${accumulate}.`);
    const perStep = this.#compiled.get('step')!;
    if (accumulate === 1) {
      this.#bound(await perStep(batches[0]!, { learningRate, ...this.#scalars(step, 0) }));
      return true;
    }
    for (const [i, batch] of batches.entries()) {
      if (i > 0 && stop()) {
        await this.#readRows();
        this.#given.splice(-i);
        this.machine.release([...this.optimizer.gradientSlabs(), this.#totals]);
        return false;
      }
      this.#bound(await this.#compiled.get('batch')!(batch, this.#scalars(step, i)));
      if (++this.#unread >= this.#together) await this.#readRows();
    }
    await perStep({}, { learningRate });
    return true;
  }

  #bound(outputs: Readonly<Record<string, Output>>): void {
    this.#together = Math.min(this.#together, mayWait(outputs));
  }

  /** Takes in what the batches since the last call have given. */
  async #readRows(): Promise<void> {
    this.#unread = 0;
    for (const { values } of (await this.#compiled.get('batch')?.collect()) ?? []) this.#given.push(values);
  }

  /** Numbers that the task asks for with batch `i` of a step. */
  #scalars(step: number, i: number): Scalars {
    const { task, accumulate } = this.#parts;
    return task.scalars?.((step - 1) * accumulate + i) ?? {};
  }

  get #advice(): string {
    return this.optimizer.lossScale ? HALF_ADVICE : ADVICE;
  }

  /** Says what was found at a step, and which value was the first that is not finite. */
  async #fail(queued: Queued, loss: number, gradNorm: number, diagnose: boolean): Promise<never> {
    const { step, batches } = queued;
    const found = Number.isFinite(loss) ? `gradient norm ${gradNorm}` : `loss ${loss}`;
    this.#queued = [];
    this.halted = queued;
    const what = `step ${step}: ${found}, expected a finite number.`;
    if (!diagnose) throw new NotFiniteError(what);
    const gradients = (batch: Record<string, Tensor>) => {
      // With the seed of the step: what overflowed in it overflows again.
      const { loss: value, seed } = this.#loss(batch, batches.length === 1);
      const named = [...backward(value, seed)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
      return { loss: value, ...Object.fromEntries(named) };
    };
    const passes = batches.map((batch, i) => ({ batch, scalars: this.#scalars(step, i) }));
    const { machine, model } = this;
    const culprit = await whoMadeIt(machine, model.parameters, gradients, passes);
    throw new NotFiniteError(`${what} ${culprit} ${this.#advice}`);
  }

  /**
   * Mean loss over batches; see meanLoss.
   * @throws RunError at one that is not finite, naming step and first kernel
   */
  evaluate(batches: Iterable<Batch>, stop?: () => boolean, weights: Weights = 'trained'): Promise<Evaluation> {
    const compiled = this.#compiled.get(weights);
    if (!compiled) throw new InputError(`trainer: found no averaged weights to evaluate. Give it an Ema.`);
    const refuse = async (batch: Batch, loss: number) => {
      const { fn, options } = this.#functions.find(({ kind }) => kind === weights)!;
      const { machine, model } = this;
      const culprit = await whoMadeIt(machine, model.parameters, fn, [{ batch }], options?.parameters);
      throw new RunError(
        `step ${this.step}: loss ${loss} in an evaluation, expected a finite number. ${culprit} ${this.#advice}`,
      );
    };
    return meanLoss(compiled, this.#parts.evaluation, batches, refuse, stop);
  }

  /** What the machine keeps for this training beside plans, to be released or forgotten. */
  tensors(): Tensor[] {
    return [...this.model.parameters, ...this.optimizer.tensors(), ...(this.ema?.tensors() ?? []), this.#totals];
  }

  release(): void {
    for (const compiled of this.#compiled.values()) compiled.release();
    this.machine.release(this.tensors());
  }
}

/** (B,T) or (B) -> (B,1) */
function rowSums(tokenLoss: Tensor): Tensor {
  if (tokenLoss.shape.length === 1) return reshape(tokenLoss, [tokenLoss.size, 1]);
  return sumTo(tokenLoss, [...tokenLoss.shape.slice(0, -1), 1]);
}
