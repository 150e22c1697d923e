// One line that says how far a long job is: phases ("compiling kernel 7 of 23"), then the steps of a run with loss, speed and time left.
import { grouped } from '../data/counted.ts';
import { clockText, lossText, metricsText } from './format.ts';
import type { Output } from './output.ts';

/** Redraws at most this often on a terminal. */
const REDRAW_MS = 100;
/** A line this often where nothing can be redrawn (a file, a pipe, a build log). */
const LINE_MS = 5000;
/** Speed is that of the last updates only, so that it is right after a resume or when another program stops competing. */
const WINDOW = 30;
/** Steps read back together arrive in one burst; a burst is one update. */
const BURST_MS = 20;

export interface StepFigures {
  readonly step: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

interface Update {
  /** clock at the burst's first and last step */
  readonly opened: number;
  readonly at: number;
  readonly step: number;
  readonly tokensPerSecond: number;
}

export class Progress {
  readonly #out: Output;
  /** the planned steps of the whole run; 0 while nobody knows (a run of so many minutes) */
  totalSteps: number;
  readonly #now: () => number;
  #window: Update[] = [];
  #firstStep: number | undefined;
  #step = 0;
  #loss = Number.NaN;
  #metric = '';
  #validationLoss: number | undefined;
  /** milliseconds spent on evaluation, samples and saves since the first step */
  #pausedMs = 0;
  #lastAt = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #lastPhase = '';

  /** @param totalSteps 0 for a job of phases only   @param now milliseconds, never going back */
  constructor(out: Output, totalSteps: number, now: () => number = () => performance.now()) {
    this.#out = out;
    this.totalSteps = totalSteps;
    this.#now = now;
  }

  /** A job before or between steps: `phase('compiling kernel', 7, 23)`, `phase('tokenising', 0.4)` for 40 %, `phase('saving')`. */
  phase(name: string, done?: number, total?: number): void {
    const amount =
      done === undefined ? '' : total === undefined ? ` ${Math.round(done * 100)} %` : ` ${done} of ${total}`;
    const ended = done !== undefined && done === (total ?? 1);
    // In a log, the phases between steps (validating, saving) come too often to be worth a line each.
    const changed = name !== this.#lastPhase && (this.#out.redraws || this.#firstStep === undefined);
    this.#lastPhase = name;
    this.#draw(
      () => (name + amount).slice(0, this.#out.statusWidth - 1),
      changed || (ended && this.#firstStep === undefined),
    );
  }

  /** A step is done. */
  update({ step, loss, tokensPerSecond, metrics }: StepFigures): void {
    const at = this.#now() - this.#pausedMs;
    this.#lastAt = this.#now();
    const first = this.#firstStep === undefined;
    this.#firstStep ??= step;
    this.#step = step;
    this.#loss = loss;
    this.#metric = metricsText(metrics)[0] ?? '';
    const last = this.#window.at(-1);
    const sameBurst = last !== undefined && at - last.opened < BURST_MS;
    if (sameBurst) this.#window[this.#window.length - 1] = { opened: last.opened, at, step, tokensPerSecond };
    else this.#window.push({ opened: at, at, step, tokensPerSecond });
    if (this.#window.length > WINDOW) this.#window.shift();
    this.#lastPhase = '';
    this.#draw(() => this.line(this.#out.statusWidth - 1), first || step === this.totalSteps);
  }

  /** The time since the last step went into something else: it counts in the time left, but not in the speed of steps. */
  pause(): void {
    if (this.#firstStep === undefined) return;
    const now = this.#now();
    this.#pausedMs += now - this.#lastAt;
    this.#lastAt = now;
  }

  validation(loss: number): void {
    this.#validationLoss = loss;
  }

  /** Takes the line away. */
  end(): void {
    this.#out.status('');
  }

  /** Seconds to the planned end; undefined before two updates, or while no end is planned. */
  get secondsLeft(): number | undefined {
    const [first, last] = [this.#window[0], this.#window.at(-1)];
    if (!first || !last || last.step <= first.step || this.#firstStep === undefined) return undefined;
    if (this.totalSteps <= 0) return undefined;
    const stepMs = (last.at - first.at) / (last.step - first.step);
    const pausedMs = this.#pausedMs / Math.max(1, this.#step - this.#firstStep + 1);
    return ((this.totalSteps - this.#step) * (stepMs + pausedMs)) / 1000;
  }

  /** Tokens a second over the last updates: the harmonic mean, since updates hold equal tokens, not equal times. */
  get tokensPerSecond(): number | undefined {
    const rates = this.#window.map((each) => each.tokensPerSecond).filter((rate) => rate > 0 && Number.isFinite(rate));
    return rates.length ? rates.length / rates.reduce((sum, rate) => sum + 1 / rate, 0) : undefined;
  }

  /** The line for `room` columns: what matters least goes first, step and loss stay. */
  line(room: number): string {
    const style = this.#out.statusStyle;
    const planned = this.totalSteps > 0;
    const count = planned ? `${grouped(this.#step)}/${grouped(this.totalSteps)}` : grouped(this.#step);
    const share = planned ? Math.min(1, this.#step / this.totalSteps) : 0;
    const left = this.secondsLeft;
    const speed = this.tokensPerSecond;
    const loss = lossText(this.#loss);
    const validation = this.#validationLoss === undefined ? '' : `val ${lossText(this.#validationLoss)}`;
    const parts = {
      speed: speed === undefined ? '' : `${grouped(speed)} tok/s`,
      left: left === undefined || share >= 1 ? '' : `left ${clockText(left)}`,
    };
    const tries = [
      ...(this.#metric
        ? [
            [`step ${count}`, planned ? 20 : '', `loss ${loss}`, this.#metric, validation, parts.speed, parts.left],
            [`step ${count}`, planned ? 10 : '', `loss ${loss}`, this.#metric, validation, parts.left],
          ]
        : []),
      [`step ${count}`, planned ? 20 : '', `loss ${loss}`, validation, parts.speed, parts.left],
      [`step ${count}`, planned ? 10 : '', `loss ${loss}`, validation, parts.speed, parts.left],
      [`step ${count}`, planned ? 10 : '', `loss ${loss}`, validation, parts.left],
      [`step ${count}`, `loss ${loss}`, validation, parts.left],
      [`step ${count}`, `loss ${loss}`, parts.left],
      [count, loss, parts.left],
      [count, loss],
    ];
    for (const pieces of tries) {
      const width = pieces.map((piece) => (typeof piece === 'number' ? piece : piece.length)).filter((n) => n > 0);
      if (width.reduce((sum, n) => sum + n, 0) + 2 * (width.length - 1) > room) continue;
      const shown = pieces.map((piece) => {
        if (typeof piece === 'number') return style.train(bar(share, piece, this.#out.unicode));
        return piece === validation ? style.validation(piece) : piece;
      });
      return shown.filter(Boolean).join('  ');
    }
    return count.slice(0, room);
  }

  #draw(line: () => string, now: boolean): void {
    if (this.#out.quiet) return;
    const time = this.#now();
    if (!now && time - this.#drawnAt < (this.#out.redraws ? REDRAW_MS : LINE_MS)) return;
    this.#drawnAt = time;
    if (this.#out.redraws) this.#out.status(line());
    else this.#out.note(line());
  }
}

/** A bar of `width` characters, in eighths of a character where the terminal has them. */
export function bar(share: number, width: number, unicode: boolean): string {
  if (!unicode) {
    const full = Math.round(share * width);
    return '='.repeat(full) + '-'.repeat(width - full);
  }
  const eighths = Math.round(share * width * 8);
  const full = Math.floor(eighths / 8);
  const rest = eighths % 8 ? ' ▏▎▍▌▋▊▉'[eighths % 8]! : '';
  return ('█'.repeat(full) + rest).padEnd(width, '░');
}
