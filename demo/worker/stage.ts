// The one run of a page: where it computes, where it is saved, and how it begins, goes on, fails and ends.
import { InputError, type KernelTable, type LoopProgress, RunError } from '../../src/index.ts';
import type { News, PageSettings, RunState } from '../protocol.ts';
import { type Beginning, makeRun, readyNews, whyHold } from './beginning.ts';
import { Driver } from './driver.ts';
import { secondsOf } from './forecast.ts';
import { HomeKeeper } from './home.ts';
import { notSaved, tooLarge, wayOut } from './offers.ts';
import { Prompts } from './prompts.ts';
import { Questions } from './questions.ts';
import type { PageRun } from './run.ts';
import { type Found, pageSettings, type Saves, savedKernels, savedText } from './saves.ts';
import { type OpenText, textNews } from './text.ts';
import { Translations } from './translations.ts';
import { Turns } from './turns.ts';

export class Stage {
  readonly send: (news: News) => void;
  readonly prompts: Prompts;
  readonly translations: Translations;
  readonly questions: Questions;
  readonly homes: HomeKeeper;
  /** null where nothing is saved: another tab has them, or the browser keeps no files. */
  saves: Saves | null = null;
  readonly #turns: Turns;
  #driver: Driver | null = null;
  /** What the last run was of, for the one after it. */
  #text: OpenText | null = null;
  #page: PageSettings | null = null;
  #state: RunState = 'waiting';
  /** What the run waits for; said once more with every state. */
  #waits: string | null = null;
  #compiling = false;
  #saveFails = false;

  constructor(send: (news: News) => void) {
    this.send = send;
    this.prompts = new Prompts(send);
    this.translations = new Translations(send);
    this.questions = new Questions(send);
    this.#turns = new Turns(this.prompts, this.translations, this.questions);
    this.homes = new HomeKeeper((done, total) => {
      // The kernel of a measurement is not the run's.
      if (this.#compiling) send({ type: 'phase', text: 'compiling kernel', done, total });
    });
  }

  /** null before the first run, and where the last one ended without another. */
  get driver(): Driver | null {
    return this.#driver;
  }

  /** The text that is open. */
  get text(): OpenText | null {
    return this.#text;
  }

  get state(): RunState {
    return this.#state;
  }

  /** @param command that asks for it @throws InputError where there is none */
  present(command: string): Driver {
    if (this.#driver) return this.#driver;
    throw new InputError(`${command}: there is no run yet.`);
  }

  /** Makes the run, tells of it, and lets it go. The one before ends first. A run that does not fit is told, and nothing changes. */
  async begin(beginning: Beginning): Promise<void> {
    const { page, text, from, asked } = beginning;
    const run = this.#fitting(beginning);
    if (!run) return;
    await this.end();
    if (from) await this.#restore(run, from, asked);
    [this.#page, this.#text] = [page, text];
    this.saves?.use(from, asked);
    this.#saveFails = false;
    this.send(textNews(text));
    const seconds = secondsOf(run, this.homes.gflops);
    this.send(readyNews(run, beginning, { defaults: this.homes.defaults(), seconds }));
    if (from) this.send({ type: 'history', events: run.events });
    await this.#prepare(run);
    this.prompts.use({ generator: run.parts.generator, tokenizer: text.corpus.tokenizer });
    this.translations.use(run.home.machine);
    this.questions.use(run.looked);
    const driver = new Driver({
      run,
      turns: this.#turns,
      send: this.send,
      become: (state) => this.become(state),
      save: (progress) => this.save(run, progress),
      failed: (error) => this.#failed(error),
    });
    this.#driver = driver;
    const why = whyHold(beginning, seconds);
    if (why === null) driver.control.go();
    else this.become('waiting', why);
  }

  /** Goes on with a saved run. */
  async resume(found: Found, notes: string[], waits: string | null): Promise<void> {
    this.phase('reading the text');
    const text = await savedText(found);
    const beginning = { page: pageSettings(found), text, from: found, asked: false, notes, waits };
    // Before what runs now has to end, for other kernels.
    if (this.#driver && !this.#fitting(beginning)) return;
    await this.openHome(savedKernels(found));
    this.send(this.homes.news());
    await this.begin(beginning);
  }

  /** The run of these settings from its first step. @param waits why it waits for a click; null where it starts */
  async anew(waits: string | null): Promise<void> {
    const [page, text] = [this.#page, this.#text];
    if (!page || !text) return;
    await this.openHome(null);
    await this.begin({ page, text, from: null, asked: true, notes: [], waits });
  }

  /** After a failure, which may have taken the weights with it: from the last save, or where there is none from the first step. */
  async again(): Promise<void> {
    const found = (await this.saves?.present()) ?? null;
    await this.end();
    return found ? this.resume(found, [], null) : this.anew(null);
  }

  /** Does something while the run holds, which then goes on if it did before, whatever came of it. */
  async whileHeld(driver: Pick<Driver, 'control' | 'hold' | 'go'>, action: () => Promise<void>): Promise<void> {
    const { going } = driver.control;
    await driver.hold();
    try {
      await action();
    } finally {
      if (going) driver.go();
    }
  }

  /** Ends the present run, if there is one, and gives back what it holds. */
  async end(): Promise<void> {
    const driver = this.#driver;
    if (!driver) return;
    driver.control.end();
    await driver.ended;
    this.prompts.use(null);
    await this.translations.use(null);
    this.questions.use(null);
    driver.run.release();
    this.#driver = null;
  }

  /** Saves, or tells once why not: the run goes on either way. */
  async save(run: PageRun, progress: LoopProgress): Promise<string | null> {
    if (!this.saves) return null;
    try {
      await this.saves.save(progress.step, await run.files(progress), run.spec.text.own?.text ?? null);
      this.#saveFails = false;
      return `step-${progress.step}`;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      // A lost device ends the run; a lack of room does not.
      run.home.device?.check();
      if (!this.#saveFails) this.send({ type: 'error', ...notSaved(error) });
      this.#saveFails = true;
      return null;
    }
  }

  /** The GPU; what runs on it ends where a save names other kernels, and where the GPU was lost. */
  async openHome(kernels: KernelTable | null): Promise<void> {
    if (this.homes.broken || this.homes.differs(kernels)) {
      await this.end();
      this.homes.close();
    }
    this.phase('opening the GPU');
    await this.homes.open(kernels);
  }

  phase(text: string): void {
    this.send({ type: 'phase', text });
  }

  become(state: RunState, waitsBecause: string | null = null): void {
    [this.#state, this.#waits] = [state, waitsBecause];
    this.repeat();
  }

  /** Tells the state once more, with what has been saved since. */
  repeat(): void {
    const { step = 0, at = null } = this.saves ?? {};
    this.send({ type: 'state', state: this.#state, waitsBecause: this.#waits, savedStep: step, savedAt: at });
  }

  /** The run, of which nothing is allocated yet; one that does not fit is told. @throws InputError as makeRun */
  #fitting(beginning: Beginning): PageRun | null {
    const made = makeRun(this.homes.home, beginning);
    if (made.run) return made.run;
    if (!this.#driver) this.send(textNews(beginning.text));
    this.send({ type: 'error', ...tooLarge(made, this.homes.defaults()) });
    if (!this.#driver) this.become('waiting', 'The run does not fit this machine.');
    return null;
  }

  /** @throws InputError for a save that does not fit the run, which then holds nothing any more */
  async #restore(run: PageRun, { files, state }: Found, fork: boolean): Promise<void> {
    try {
      await run.restore(files, state, fork);
    } catch (error) {
      run.release();
      throw error;
    }
  }

  async #prepare(run: PageRun): Promise<void> {
    this.#compiling = true;
    try {
      await run.prepare();
    } finally {
      this.#compiling = false;
    }
  }

  #failed(error: unknown): void {
    this.prompts.close('The run has failed, and its weights are gone. Go back to a save, or begin again.');
    this.translations.close('The run has failed, and with it where it computed. Go back to a save, or begin again.');
    this.questions.close('The run has failed, and its weights are gone. Go back to a save, or begin again.');
    const savedStep = this.saves?.step ?? 0;
    const way = wayOut(error, { page: this.#page!, defaults: this.homes.defaults(), savedStep });
    this.become('failed');
    this.send({ type: 'error', ...way });
  }
}
