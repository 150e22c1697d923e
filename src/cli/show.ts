// A training run as people see it: the events of train/ become a header, a progress line, evaluation and sample lines, and at the end
// the curve. With --json the same events go to standard output as they are, and all of this to standard error.

import { grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import { ops } from '../ops/index.ts';
import { formNames } from '../schedule/order.ts';
import type { EndEvent, EvalEvent, Json, RunEvent, SpikeEvent, StartEvent } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import type { Point } from './curve.ts';
import { byteText, dataText, inWords, lossText, metricName, metricsText, modelText, shortNumber } from './format.ts';
import type { Output } from './output.ts';
import { plotLoss } from './plot.ts';
import { Progress } from './progress.ts';

export interface RunShowOptions {
  /** planned steps of the whole run, those before a resume included; 0 while nobody knows, see `plan` */
  readonly totalSteps: number;
  /** losses that words can be put to: guessing, letter pairs; drawn behind the curve */
  readonly references?: readonly Reference[];
  readonly now?: () => number;
}

/** Shows one run. Hand it every event in order; call `end()` however the run ends, so that the progress line goes away. */
export class RunShow {
  readonly progress: Progress;
  readonly #out: Output;
  readonly #options: RunShowOptions;
  readonly #train: Point[] = [];
  readonly #validation: Point[] = [];
  readonly #passed = new Set<string>();
  #savedAt: string | undefined;

  constructor(out: Output, options: RunShowOptions) {
    this.#out = out;
    this.#options = options;
    this.progress = new Progress(out, options.totalSteps, options.now);
  }

  /** The number of steps is known now (a run of so many minutes has measured its first ones). */
  plan(totalSteps: number): void {
    this.progress.totalSteps = totalSteps;
  }

  /** "tokenising 40 %", "compiling kernel 7 of 23": see `Progress.phase`. */
  phase(name: string, done?: number, total?: number): void {
    this.progress.phase(name, done, total);
  }

  event(event: RunEvent): void {
    this.#out.emit(event);
    if (event.event === 'step') {
      const loss = event.loss ?? Number.NaN;
      if (this.#train.length === 0) this.#firstLoss(event.step, loss);
      this.#train.push({ step: event.step, value: loss });
      this.progress.update({ ...event, loss });
      return;
    }
    this.progress.pause();
    switch (event.event) {
      case 'start':
        this.#start(event);
        break;
      case 'eval':
        this.#evaluation(event);
        break;
      case 'spike':
        this.#spike(event);
        break;
      case 'warning':
        this.#out.warn(`step ${grouped(event.step)}: ${printable(event.text, true)}`);
        break;
      case 'sample':
        this.#sample(event.step, event.text);
        break;
      case 'save':
        this.#savedAt = event.path;
        this.#out.log(this.#out.style.dim(`${this.#stepColumn(event.step)}  saved ${printable(event.path, true)}`));
        break;
      case 'end':
        this.#end(event);
        break;
    }
  }

  /** Takes the progress line away. */
  end(): void {
    this.progress.end();
  }

  #start(event: StartEvent): void {
    const { dim } = this.#out.style;
    const { memory } = event;
    const classes = (['parameters', 'gradients', 'optimizer', 'activations'] as const)
      .map((name) => `${name} ${byteText(memory[name])}`)
      .join(', ');
    const rows: [string, string][] = [
      ['adapter', inWords(event.adapter)],
      ['kernels', `${kernelText(event.kernels)} (${event.kernelsFrom.replace(/:.*/s, '')})`],
      ['data', dataText(event.dataset)],
      [
        'model',
        `${grouped(event.parameters)} parameters: ${modelText(event.config)}${event.dtype === 'f16' ? ', values in f16' : ''}`,
      ],
      ...beginningRows(event),
      ['memory', `${byteText(memory.total)} (${classes})`],
    ];
    for (const [name, text] of rows) this.#out.log(`${dim(name.padEnd(8))}${text}`);
  }

  #firstLoss(step: number, loss: number): void {
    const guessing = step === 1 ? this.#options.references?.[0] : undefined;
    const beside = guessing ? `, ${printable(guessing.label, true)} is ${lossText(guessing.value)}` : '';
    this.#out.log(`${this.#stepColumn(step)}  first loss ${lossText(loss)}${beside}`);
  }

  #spike({ step, loss, z, skipped, text }: SpikeEvent): void {
    const far = `${shortNumber(z)} standard deviations above the steps before`;
    const done = skipped ? '; the step was skipped' : '';
    this.#out.warn(`step ${grouped(step)}: loss ${lossText(loss)}, ${far}${done}: ${inWords(text)}`);
  }

  #evaluation({ step, trainLoss, validationLoss, emaValidationLoss, validationMetrics }: EvalEvent): void {
    const { train, validation, dim } = this.#out.style;
    this.#validation.push({ step, value: validationLoss ?? Number.NaN });
    this.progress.validation(validationLoss);
    // Told once, at the first evaluation that is better than what a counting model can do.
    const passed = (this.#options.references ?? []).filter(
      ({ label, value }) => validationLoss < value && !this.#passed.has(label),
    );
    for (const { label } of passed) this.#passed.add(label);
    const least = passed.sort((a, b) => a.value - b.value)[0];
    const remark = least ? dim(`  now below "${printable(least.label, true)}" (${least.value.toFixed(2)})`) : '';
    const averaged = emaValidationLoss === undefined ? '' : dim(`  averaged weights ${lossText(emaValidationLoss)}`);
    this.#out.log(
      `${this.#stepColumn(step)}  ${train(`train ${lossText(trainLoss)}`)}  ${validation([`validation ${lossText(validationLoss)}`, ...metricsText(validationMetrics)].join(', '))}${averaged}${remark}`,
    );
  }

  #sample(step: number, text: string): void {
    const { dim } = this.#out.style;
    const line = this.#out.unicode ? '─' : '-';
    const title = `${line}${line} sample at step ${grouped(step)} `;
    const width = Math.min(this.#out.width, 80);
    this.#out.log(dim(title + line.repeat(Math.max(0, width - title.length))));
    this.#out.log(printable(text).trimEnd());
    this.#out.log(dim(line.repeat(width)));
  }

  #end(event: EndEvent): void {
    this.progress.end();
    const { style, unicode, width } = this.#out;
    const final = event.validationLoss ?? Number.NaN;
    if (this.#validation.at(-1)?.step !== event.step) this.#validation.push({ step: event.step, value: final });
    // The result is said even with --quiet; with --json it is in the event itself.
    const say = (line = '') => (this.#out.json ? this.#out.log(line) : this.#out.print(line));
    if (this.#train.length > 1) {
      this.#out.log();
      this.#out.log(
        plotLoss({
          train: this.#train,
          validation: this.#validation,
          references: this.#options.references ?? [],
          width: Math.min(width, 100),
          unicode,
          style,
        }),
      );
      this.#out.log();
    }
    const best = this.#validation.filter(({ value }) => Number.isFinite(value)).sort((a, b) => a.value - b.value)[0];
    const where = best && !(best.value >= final) ? ` (best ${lossText(best.value)} at step ${grouped(best.step)})` : '';
    say(
      `${style.bold(`validation loss ${lossText(event.validationLoss)}`)} after ${grouped(event.step)} steps${where}`,
    );
    const part = event.test === undefined && isWritten(event.validation) ? 'validation' : 'test';
    const told = { ...(event[part] as Record<string, Json> | undefined) };
    const figures = ['accuracy', 'bleu', 'chrf', 'rougeL', 'loss'].filter((name) => typeof told[name] === 'number');
    if (figures.length > 0)
      say(`${part} ${figures.map((name) => `${metricName(name)} ${lossText(told[name] as number)}`).join(', ')}`);
    if (this.#savedAt) say(`saved at ${printable(this.#savedAt, true)}`);
    say(style.dim(`parameter hash ${printable(event.parameterHash, true)}`));
  }

  /** Steps in a column wide enough for the last one, so that the lines stand below each other. */
  #stepColumn(step: number): string {
    return `step ${grouped(step).padStart(grouped(this.progress.totalSteps).length)}`;
  }
}

/** Whether the figures of a part are of texts that were written from all of its sources, which no evaluation before the end told. */
function isWritten(figures: Json | undefined): boolean {
  return typeof figures === 'object' && figures !== null && 'written' in figures;
}

/** Of a table of forms those that need a feature of the adapter; the others, plain ones, say nothing to people. */
function kernelText(table: Json): string {
  const special = Object.entries(table ?? {}).flatMap(([name, entry]) => {
    const featured = ops.find((o) => o.name === name)?.forms.filter((form) => form.runsOn) ?? [];
    const names = formNames(entry).filter((each) => featured.some((form) => form.name === each));
    return names.length > 0 ? [`${name} ${names.join(',')}`] : [];
  });
  return special.length === 0 ? 'plain forms' : `${special.join(', ')}, else plain forms`;
}

/** Of a run that goes on with a model which, and how much of it is trained. */
function beginningRows({ model, trainedParameters }: StartEvent): [string, string][] {
  const { name, hash } = { ...(model as Record<string, Json> | undefined) };
  const rows: [string, string][] = [];
  if (name !== undefined) rows.push(['from', `${inWords(name)}, weights ${inWords(hash ?? 'unknown').slice(0, 12)}`]);
  if (trainedParameters !== undefined)
    rows.push(['trained', `${grouped(trainedParameters)} parameters, the rest is frozen`]);
  return rows;
}
