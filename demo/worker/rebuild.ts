// A run whose GPU device was lost is rebuilt by itself, and goes on from its last save. Where the browser gives no other device it is
// asked for one again and again, which is said.
import { DeviceLostError, InputError, RunError } from '../../src/index.ts';
import type { Driver } from './driver.ts';
import { NoAdapterError } from './home.ts';
import {
  goOn,
  INTERRUPTED,
  LONG,
  Losses,
  type Lost,
  lostText,
  NO_ADAPTER,
  noAdapter,
  QUIET,
  RETRY,
  SLOW_RETRY,
} from './recovery.ts';
import type { Stage } from './stage.ts';

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Rebuild {
  readonly #stage: Stage;
  readonly #inTurn: (task: () => Promise<void>) => void;
  readonly #losses = new Losses();
  #lost: Lost | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param inTurn does something when what was asked before is done */
  constructor(stage: Stage, inTurn: (task: () => Promise<void>) => void) {
    [this.#stage, this.#inTurn] = [stage, inTurn];
  }

  /** Destroys the device of the run. @throws InputError where it has none */
  async unplug(): Promise<void> {
    const { device } = this.#stage.present('unplug').run.home;
    if (!device) throw new InputError('unplug: found the CPU twin, expected a GPU. There is no device to destroy.');
    device.device.destroy();
  }

  /** Another run takes the place of what was lost. */
  forget(): void {
    this.#lost = null;
    this.#losses.reset();
  }

  /** Whether a run waits for an adapter. */
  get waiting(): boolean {
    return this.#lost !== null;
  }

  /** Begins it, where the run's device is gone. @returns false where it is not, or is lost too often: then the run has failed */
  begin(): boolean {
    const { driver, homes, served, state, waits } = this.#stage;
    if (!driver || !homes.lost || state === 'failed') return false;
    if (this.#lost?.driver === driver) return true;
    const { step } = driver.run.progress;
    const often = this.#losses.add(driver.begunAt, step);
    if (often !== null) {
      this.forget();
      this.#stage.fail(new RunError(often));
      return true;
    }
    served.interrupt(INTERRUPTED);
    const { name } = homes.home.machine;
    const lost = { driver, step, state, waits, at: performance.now(), name, wanted: null, told: false };
    this.#lost = lost;
    this.#stage.phase('rebuilding the GPU device');
    this.#inTurn(() => this.#try(lost, QUIET));
    return true;
  }

  /**
   * A device was lost while something was done that is no step of a run.
   * @param task what was done, which is done again where it was to make a run @returns false where nothing comes of that any more
   */
  after(task: () => Promise<void>): boolean {
    const { driver, state } = this.#stage;
    if (driver) return state !== 'failed' && this.begin();
    if (this.#lost || this.#losses.add(0, 0) !== null) return false;
    this.#inTurn(task);
    return true;
  }

  /** Does something that needs an adapter as soon as there is one, where nothing else has been begun until then. */
  whenThere(task: () => Promise<void>): void {
    const since = performance.now();
    const look = async () => {
      if (this.#stage.driver || performance.now() - since > LONG) return;
      if (await globalThis.navigator.gpu?.requestAdapter()) this.#inTurn(task);
      else this.#timer = setTimeout(look, SLOW_RETRY);
    };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(look, SLOW_RETRY);
  }

  /** Looks at once whether there is an adapter. */
  async now(): Promise<void> {
    const lost = this.#lost;
    if (!lost) return;
    lost.told = false;
    await this.#try(lost, 0);
  }

  /** @param patience milliseconds that an adapter is waited for here; what comes after is done in later turns */
  async #try(lost: Lost, patience: number): Promise<void> {
    const stage = this.#stage;
    if (this.#lost !== lost) return;
    const { going, until } = lost.driver.control;
    lost.wanted ??= { going, until };
    await stage.end();
    for (const since = performance.now(); ; await rest(RETRY)) {
      try {
        await stage.homes.reopen();
        const driver = await stage.remake();
        this.#lost = null;
        if (driver) this.#done(lost, driver);
        return;
      } catch (error) {
        const again = error instanceof NoAdapterError || this.#lostAgain(error, lost);
        if (!again) return this.#failed(error);
        if (error instanceof NoAdapterError && performance.now() - since >= patience) return this.#wait(lost);
      }
    }
  }

  #lostAgain(error: unknown, { step }: Lost): boolean {
    if (!(error instanceof DeviceLostError)) return false;
    const often = this.#losses.add(step, step);
    if (often !== null) error.message = often;
    return often === null;
  }

  #failed(error: unknown): void {
    this.forget();
    this.#stage.fail(error);
  }

  #done(lost: Lost, driver: Driver): void {
    const stage = this.#stage;
    const { step, state, waits, at } = lost;
    const from = driver.run.progress.step;
    const { name } = stage.homes.home.machine;
    const ms = performance.now() - at;
    if (name !== lost.name) stage.send(stage.homes.news());
    const sentence = lostText({ step, from, ms, ...(name !== lost.name && { name }) });
    driver.run.events.push({ event: 'warning', step: from, text: sentence });
    stage.send({ type: 'lost', step, from, ms, sentence });
    if (goOn(driver, lost, from)) stage.become(state === 'training' ? 'paused' : state, waits);
  }

  /** Asks again later; in between other things can be asked of the page. */
  #wait(lost: Lost): void {
    const stage = this.#stage;
    const long = performance.now() - lost.at >= LONG;
    if (!lost.told || long) {
      stage.served.close(NO_ADAPTER);
      stage.become('waiting', 'There is no graphics adapter.');
      // Lessons need a GPU.
      stage.send(noAdapter(stage.saves?.step ?? 0, long, stage.lesson === null));
      lost.told = true;
    }
    clearTimeout(this.#timer);
    if (!long) this.#timer = setTimeout(() => this.#inTurn(() => this.#try(lost, 0)), SLOW_RETRY);
  }
}
