// A second copy of a run, brought to one of its past steps by training there once more: everything that decides a step is kept, so it
// is the same to the last bit, and its losses show it.
import { byteText } from '../../src/cli/format.ts';
import { InputError, learningRateAt } from '../../src/index.ts';
import { type Home, limitsOfPage } from './home.ts';
import type { KeptState } from './kept_states.ts';
import { PageRun, type RunSpec } from './run.ts';

/** Milliseconds of steps that are trained at a time: longer no turn of the run is. */
const PIECE = 40;

export class Shadow {
  readonly run: PageRun;
  /** What was made to look into it. */
  readonly kept = new Map<string, { release(): void }>();
  /** The step that it was brought to before it was trained. */
  from = 0;
  /** Losses by step, of those that were trained again. */
  readonly losses = new Map<number, number>();
  #msPerStep = PIECE;

  private constructor(run: PageRun) {
    this.run = run;
  }

  /**
   * At a kept state, or where there is none at the untrained model.
   * @throws InputError where a second copy of the run has no room
   */
  static async open(home: Home, spec: RunSpec, kept: KeptState | null): Promise<Shadow> {
    const run = new PageRun(home, spec);
    const { total, says } = limitsOfPage(home);
    const needed = run.memory.total;
    // The run itself may have given back what its next step needs again.
    const held = Math.max(needed, home.device?.shared.buffers.liveBytes ?? 0);
    if (held + needed > total)
      throw new InputError(
        `past: a second copy of this run needs ${byteText(needed)} beside the ${byteText(held)} that are held, ${says} ${byteText(total)}. Look at the newest step.`,
      );
    const shadow = new Shadow(run);
    try {
      if (kept) await shadow.back(kept);
    } catch (error) {
      shadow.release();
      throw error;
    }
    return shadow;
  }

  get step(): number {
    return this.run.parts.trainer.step;
  }

  /** To an earlier state, or past steps that need not be trained. */
  async back({ files, state, other = false }: KeptState): Promise<void> {
    await this.run.restore(files, state, other);
    this.from = state.step;
    this.losses.clear();
  }

  /**
   * Trains towards a step, which is not behind it.
   * @param until milliseconds of `performance.now()`; one piece is trained in any case
   * @param told the loss that the run had at a step, where it is known
   * @returns whether it is there @throws InputError where the losses are other ones
   */
  async toward(step: number, until: number, told: (step: number) => number | undefined): Promise<boolean> {
    const { run } = this;
    const { trainer } = run.parts;
    const { settings } = run.spec;
    const schedule = { ...settings, maxSteps: settings.steps };
    const next = (n: number) => ({ batches: run.nextBatches(), learningRate: learningRateAt(n - 1, schedule) });
    while (trainer.step < step) {
      const piece = Math.max(1, Math.floor(PIECE / this.#msPerStep));
      const [first, began] = [trainer.step, performance.now()];
      for await (const { step: now, loss } of trainer.advance(Math.min(step, first + piece), next, undefined, false)) {
        const had = told(now);
        if (had !== undefined && !Object.is(had, loss))
          throw new InputError(
            `step ${now}: found a loss of ${loss} when it was trained again, expected ${had} as in the curve. What came after it cannot be shown.`,
          );
        this.losses.set(now, loss);
      }
      const ended = performance.now();
      this.#msPerStep = Math.max(0.1, (ended - began) / Math.max(1, trainer.step - first));
      if (ended >= until) break;
    }
    return trainer.step === step;
  }

  release(): void {
    for (const each of this.kept.values()) each.release();
    this.kept.clear();
    this.run.release();
  }
}
