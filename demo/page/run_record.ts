// One run as the page draws it: the worker's events gathered into columns, ticks, samples and lines of the log. Pure.

import { lossText, shortNumber } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { printable } from '../../src/data/printable.ts';
import { DebiasedMean } from '../../src/train/debiased_mean.ts';
import type { EndEvent, RunEvent, StepEvent } from '../../src/train/events.ts';

export interface Evaluation {
  step: number;
  /** nats a token; NaN where it was not finite */
  loss: number;
}

export interface MetricMean {
  step: number;
  value: number | null;
}

export interface Sample {
  step: number;
  text: string;
}

/** Something that happened, as a tick on the axis of steps. */
export interface Tick {
  step: number;
  text: string;
}

export interface LogLine {
  step: number;
  text: string;
}

/** Lines that are no steps: what stands behind which step, in order. */
interface Remark {
  step: number;
  text: string;
}

const DECAY = 0.9;

export class RunRecord {
  /** Planned steps of the whole run; the axis ends there. */
  totalSteps: number;
  readonly steps: number[] = [];
  /** Raw losses; null where one was not finite. */
  readonly loss: (number | null)[] = [];
  /** Their debiased average; null, and begun anew, at a loss that is not finite. */
  readonly average: (number | null)[] = [];
  readonly learningRate: (number | null)[] = [];
  readonly gradNorm: (number | null)[] = [];
  readonly tokensPerSecond: number[] = [];
  readonly validation: Evaluation[] = [];
  /** What a task tells beside its loss, by name: a column beside the steps, and means over the validation part. */
  readonly metrics = new Map<string, { train: (number | null)[]; validation: MetricMean[] }>();
  readonly samples: Sample[] = [];
  readonly ticks: Tick[] = [];
  /** The last steps before each device that was lost. */
  readonly lostAt: number[] = [];
  readonly #remarks: Remark[] = [];
  #mean = new DebiasedMean(DECAY);
  parameterHash: string | null = null;
  /** What a task measured once more at the end, by part. */
  ending: Pick<EndEvent, 'validation' | 'test'> | null = null;
  /** The step at which the run failed; null while it has not. */
  failedAt: number | null = null;

  readonly #begunAt: number;

  /** @param begunAt the step that it goes on from; what was told of the steps before may be lost */
  constructor(totalSteps: number, begunAt = 0) {
    [this.totalSteps, this.#begunAt] = [totalSteps, begunAt];
  }

  /** The last step told; before the first the one that it goes on from, 0 for a new run. */
  get step(): number {
    return this.steps.at(-1) ?? this.#begunAt;
  }

  get lastLoss(): number | null | undefined {
    return this.loss.at(-1);
  }

  get lastValidation(): number | undefined {
    return this.validation.at(-1)?.loss;
  }

  /** Steps whose loss was not finite, and the one that the run could not make. */
  get broken(): number[] {
    const told = this.steps.filter((_, i) => this.loss[i] === null);
    return this.failedAt === null ? told : [...told, this.failedAt];
  }

  /** The step after the last one could not be made. */
  fail(): void {
    this.failedAt = this.step + 1;
    this.mark(this.failedAt, 'failed');
  }

  /** A device was lost after `step`, and the run goes on from `from`: the curve stays until its steps are made again. */
  lose({ step, from, sentence }: { step: number; from: number; sentence: string }): void {
    this.ticks.push({ step, text: sentence });
    this.lostAt.push(step);
    this.#remark(from, sentence);
  }

  add(event: RunEvent): void {
    switch (event.event) {
      case 'start':
        if (this.steps.length > 0) this.mark(this.step, 'resumed');
        break;
      case 'step':
        this.#addStep(event);
        break;
      case 'eval':
        this.validation.push({ step: event.step, loss: event.validationLoss ?? Number.NaN });
        for (const [name, value] of Object.entries(event.validationMetrics ?? {}))
          this.#metric(name).validation.push({ step: event.step, value: finite(value) });
        this.#remark(event.step, `train ${lossText(event.trainLoss)}  validation ${lossText(event.validationLoss)}`);
        break;
      case 'sample':
        this.#addSample(event.step, event.text);
        break;
      case 'save':
        this.mark(event.step, 'saved');
        break;
      case 'warning':
        this.mark(event.step, `warning: ${printable(event.text, true)}`);
        break;
      case 'spike':
        this.mark(
          event.step,
          `loss ${lossText(event.loss)} stands out${event.skipped ? ', the step was skipped' : ''}`,
        );
        break;
      case 'end':
        this.parameterHash = event.parameterHash;
        this.ending = {
          ...(event.validation && { validation: event.validation }),
          ...(event.test && { test: event.test }),
        };
        this.#remark(
          event.step,
          `validation loss ${lossText(event.validationLoss)}  parameter hash ${event.parameterHash}`,
        );
        break;
    }
  }

  /** A tick on the axis, and its line in the log. */
  mark(step: number, text: string): void {
    // A step that is repeated saves and warns once more.
    if (this.ticks.some((tick) => tick.step === step && tick.text === text)) return;
    this.ticks.push({ step, text });
    this.#remark(step, text);
  }

  /** Lines of the log from the `from`-th step told to before the `to`-th, each step with what happened behind it. */
  log(from = 0, to = this.steps.length): LogLine[] {
    const first = from === 0 ? Number.NEGATIVE_INFINITY : this.steps[from]!;
    const end = this.steps[to] ?? Number.POSITIVE_INFINITY;
    const remarks = this.#remarks.filter(({ step }) => step >= first && step < end);
    const lines: LogLine[] = [];
    let next = 0;
    for (let i = from; i <= to; i++) {
      const until = i < to ? this.steps[i]! : end;
      for (; next < remarks.length && remarks[next]!.step < until; next++) {
        const { step, text } = remarks[next]!;
        lines.push({ step, text: `${this.#column(step)}  ${text}` });
      }
      if (i < to && i < this.steps.length) lines.push({ step: this.steps[i]!, text: this.line(i) });
    }
    return lines;
  }

  /** All of it, a line each. */
  logText(): string {
    return this.log()
      .map(({ text }) => text)
      .join('\n');
  }

  /** `step   431/2,000  loss 2.381  3,050 tok/s  lr 0.0095  norm 1.2` of the i-th step told. */
  line(i: number): string {
    const figures = [
      `loss ${lossText(this.loss[i])}`,
      `${grouped(this.tokensPerSecond[i]!)} tok/s`,
      `lr ${shortNumber(this.learningRate[i] ?? Number.NaN)}`,
      `norm ${shortNumber(this.gradNorm[i] ?? Number.NaN)}`,
    ];
    return `${this.#column(this.steps[i]!)}/${grouped(this.totalSteps)}  ${figures.join('  ')}`;
  }

  #column(step: number): string {
    return `step ${grouped(step).padStart(grouped(this.totalSteps).length)}`;
  }

  #remark(step: number, text: string): void {
    this.#remarks.push({ step, text });
  }

  #addSample(step: number, text: string): void {
    const known = this.samples.findIndex((sample) => sample.step === step);
    if (known >= 0) this.samples.splice(known, 1);
    this.samples.push({ step, text });
    this.samples.sort((a, b) => a.step - b.step);
  }

  #metric(name: string) {
    const known = this.metrics.get(name) ?? { train: this.steps.map(() => null), validation: [] };
    this.metrics.set(name, known);
    return known;
  }

  #addStep({ step, loss, learningRate, gradNorm, tokensPerSecond, metrics = {} }: StepEvent): void {
    if (step <= this.step) this.#backTo(step - 1);
    this.failedAt = null;
    const value = finite(loss);
    if (value === null) this.#mean = new DebiasedMean(DECAY);
    for (const name of Object.keys(metrics)) this.#metric(name);
    for (const [name, { train }] of this.metrics) train.push(finite(metrics[name] ?? null));
    this.steps.push(step);
    this.loss.push(value);
    this.average.push(value === null ? null : this.#mean.push(value));
    this.learningRate.push(finite(learningRate));
    this.gradNorm.push(finite(gradNorm));
    this.tokensPerSecond.push(tokensPerSecond);
  }

  /** Forgets what came after a step: the run went on from there, and does those steps again. */
  #backTo(step: number): void {
    const kept = this.steps.filter((each) => each <= step).length;
    for (const column of [this.steps, this.loss, this.average, this.learningRate, this.gradNorm, this.tokensPerSecond])
      column.length = kept;
    for (const { train } of this.metrics.values()) train.length = kept;
    const means = [...this.metrics.values()].map(({ validation }) => validation);
    for (const list of [this.validation, this.samples, this.#remarks, ...means] as { step: number }[][])
      list.splice(0, list.length, ...list.filter((each) => each.step <= step));
    this.#mean = new DebiasedMean(DECAY);
    for (const value of this.loss) {
      if (value === null) this.#mean = new DebiasedMean(DECAY);
      else this.#mean.push(value);
    }
  }
}

/** A number that JSON or a message carried: null for one that is not finite. */
const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);
