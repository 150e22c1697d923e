// The one run of a page: where it computes, where it is saved, and how it begins, goes on, fails and ends.
import { InputError, type KernelTable, type LoopProgress, NotFiniteError, RunError } from '../../src/index.ts';
import type { ShelfId } from '../protocol/lessons.ts';
import type { News, PageSettings, RunState } from '../protocol.ts';
import type { Receipt } from '../receipt.ts';
import type { AnyRun, ShelfWriters } from './any_run.ts';
import { type Beginning, makeRun, readyNews, whyHold } from './beginning.ts';
import { Driver } from './driver.ts';
import { secondsOf } from './forecast.ts';
import { HomeKeeper } from './home.ts';
import type { LessonAct, Lessons } from './lessons.ts';
import { notSaved, tooLarge, wayOut } from './offers.ts';
import { Past } from './past.ts';
import { PromptSides } from './prompt_sides.ts';
import { Questions } from './questions.ts';
import { Rebuild } from './rebuild.ts';
import { PageRun } from './run.ts';
import { type Found, pageSettings, type Saves, savedKernels, savedText } from './saves.ts';
import { Shelf, trainedModel } from './shelf.ts';
import { type OpenText, textNews } from './text.ts';
import { Translations } from './translations.ts';
import { Turns } from './turns.ts';
import type { Witness } from './witness.ts';

export class Stage {
  readonly send: (news: News) => void;
  readonly prompts: PromptSides;
  readonly translations: Translations;
  readonly questions: Questions;
  readonly homes: HomeKeeper;
  readonly shelf: Shelf;
  /** null where nothing is saved: another tab has them, or the browser keeps no files. */
  saves: Saves | null = null;
  readonly #turns: Turns;
  readonly rebuild: Rebuild;
  #driver: Driver | null = null;
  #beginning: Beginning | null = null;
  #past: Past | null = null;
  /** Holds the present run to the receipt of its link. */
  #witness: Witness | null = null;
  /** How the present run is begun again, where it is a lesson. */
  #lesson: LessonAct | null = null;
  #lessons: Promise<Lessons> | null = null;
  /** What the last run was of, for the one after it. */
  #text: OpenText | null = null;
  #page: PageSettings | null = null;
  #state: RunState = 'waiting';
  /** What the run waits for; said once more with every state. */
  #waits: string | null = null;
  #compiling = false;
  #saveFails = false;

  /** @param inTurn does something when what was asked before is done */
  constructor(send: (news: News) => void, inTurn: (task: () => Promise<void>) => void = (task) => void task()) {
    this.send = send;
    this.rebuild = new Rebuild(this, inTurn);
    this.shelf = new Shelf(send);
    this.prompts = new PromptSides(send);
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

  /** Of the present run. */
  get past(): Past | null {
    return this.#past;
  }

  /** As the present run was asked for. */
  get page(): PageSettings | null {
    return this.#page;
  }

  /** The text that is open. */
  get text(): OpenText | null {
    return this.#text;
  }

  get state(): RunState {
    return this.#state;
  }

  /** What the run waits for; null where it does not. */
  get waits(): string | null {
    return this.#waits;
  }

  /** @param command that asks for it @throws InputError where there is none */
  present(command: string): Driver {
    if (this.#driver) return this.#driver;
    throw new InputError(`${command}: there is no run yet.`);
  }

  /**
   * Makes the run, tells of it, and lets it go. The one before ends first. A run that does not fit is told, and nothing changes.
   * @param forked the past of the run that its save is a step of
   */
  async begin(beginning: Beginning, forked?: Past): Promise<void> {
    const { page, text, from, asked } = beginning;
    const run = this.#fitting(beginning);
    if (!run) return;
    await this.end();
    this.rebuild.forget();
    if (from) await this.#restore(run, from, asked);
    [this.#page, this.#text, this.#beginning, this.#lesson] = [page, text, beginning, null];
    this.saves?.use(from, asked);
    this.#saveFails = false;
    this.send(textNews(text));
    const seconds = secondsOf(run, this.homes.gflops);
    const ready = readyNews(run, beginning, { defaults: this.homes.defaults(), seconds });
    this.send(forked ? { ...ready, forked: true } : ready);
    if (from) this.send({ type: 'history', events: run.events });
    await this.#witnessed(run, beginning.receipt ?? null);
    this.shelf.put(trainedModel(run, text.corpus.name, run.progress.step));
    const driver = await this.#drive(run, Past.of(run, from, { before: forked, other: asked }), false);
    const why = whyHold(beginning, seconds);
    if (why === null) driver.control.go();
    else this.become('waiting', why);
  }

  /**
   * The present run once more, where it was saved last or as it began, on a device that takes the place of a lost one. It holds.
   * @returns null where it does not fit any more, which is told
   */
  async remake(): Promise<Driver | null> {
    const saved = (await this.saves?.present()) ?? null;
    if (this.#lesson) return this.#drive(await this.#lesson.remake(saved), null, true);
    const { asked, ...beginning } = this.#beginning!;
    // Of its own saves the settings are the run's.
    const other = asked && (saved === null || this.saves?.id === null);
    const from = saved ?? beginning.from;
    const run = this.#fitting({ ...beginning, from, asked: other });
    if (!run) return null;
    if (from) await this.#restore(run, from, other);
    return this.#drive(run, Past.of(run, from, { before: this.#past ?? undefined, other }), true);
  }

  /** Compiles what it needs, and lets it be asked; it holds. @param rebuilt its start was told */
  async #drive(run: AnyRun, past: Past | null, rebuilt: boolean): Promise<Driver> {
    await this.#prepare(run);
    this.prompts.use({ ...run.writers, shelf: this.#shelfWriters(run) });
    this.translations.use(run.home.machine);
    this.#past = past;
    this.questions.use(run.looked, past ?? undefined);
    const driver = new Driver({
      run,
      turns: this.#turns,
      send: (news) => this.#told(run, news),
      become: (state) => this.become(state),
      save: (progress) => this.save(run, progress),
      keep: async () => past?.keep(),
      failed: (error) => this.rebuild.begin() || this.fail(error),
      rebuilt,
    });
    return (this.#driver = driver);
  }

  /** What nobody has asked for is not loaded. */
  #shelfWriters({ home, writers }: AnyRun): ShelfWriters {
    return {
      of: async ({ side }) => {
        const own = { id: this.#lesson ? ('taught' as const) : ('trained' as const), writers };
        return (await this.lessons()).shelf.of(side as ShelfId, home, own);
      },
      rest: () => void this.#lessons?.then(({ shelf }) => shelf.rest()),
    };
  }

  async #witnessed(run: PageRun, receipt: Receipt | null): Promise<void> {
    this.#witness = receipt && new (await import('./witness.ts')).Witness(receipt, run);
    if (this.#witness) this.send(this.#witness.first);
  }

  /** What a run says goes out, and what it shows of the run's being another's repetition. */
  #told(run: AnyRun, news: News): void {
    this.send(news);
    if (news.type !== 'event') return;
    const shown = this.#witness?.take(news.event);
    if (shown) this.send(shown);
    const page = this.#lesson ? null : this.#page;
    if (news.event.event !== 'end') return;
    void import('./witness.ts').then(({ receiptNews }) => {
      if (this.#driver?.run === run) this.send(receiptNews(run, page));
    });
  }

  /** What models are taught with, which is no part of a first visit. */
  lessons(): Promise<Lessons> {
    return (this.#lessons ??= import('./lessons.ts').then(({ Lessons }) => new Lessons(this)));
  }

  /** The lesson that is the present run. */
  get lesson(): LessonAct | null {
    return this.#lesson;
  }

  /**
   * Lets a lesson take the place of the present run, which has ended.
   * @param found the save that it goes on from   @param told what is said of it before it goes
   */
  async teach(run: AnyRun, act: LessonAct, found: Found | null, told: News[]): Promise<Driver> {
    this.rebuild.forget();
    [this.#lesson, this.#saveFails, this.#witness] = [act, false, null];
    this.saves?.use(found, false);
    for (const news of told) this.send(news);
    return this.#drive(run, null, false);
  }

  /** Goes on with a saved run. */
  async resume(found: Found, notes: string[], waits: string | null): Promise<void> {
    if (found.lesson) return (await this.lessons()).resume(found, notes, waits);
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
    if (this.#lesson) return this.#lesson.anew(waits);
    const [page, text] = [this.#page, this.#text];
    if (!page || !text) return;
    await this.openHome(null);
    await this.begin({ page, text, from: null, asked: true, notes: [], waits });
  }

  /** After a failure, which may have taken the weights with it: from the last save, or where there is none from the first step. */
  async again(): Promise<void> {
    if (this.rebuild.waiting) return this.rebuild.now();
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
  async save(run: AnyRun, progress: LoopProgress): Promise<string | null> {
    if (!this.saves) return null;
    try {
      await this.saves.save(progress.step, await run.files(progress), () => run.beside());
      this.#saveFails = false;
      if (run instanceof PageRun) this.shelf.put(trainedModel(run, run.spec.text.corpus.name, progress.step));
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

  async #prepare(run: AnyRun): Promise<void> {
    this.#compiling = true;
    try {
      await run.prepare();
    } catch (error) {
      run.release();
      throw error;
    } finally {
      this.#compiling = false;
    }
  }

  /** The run ends here, and says which ways out there are. */
  fail(error: unknown): void {
    this.prompts.close('The run has failed, and its weights are gone. Go back to a save, or begin again.');
    this.translations.close('The run has failed, and with it where it computed. Go back to a save, or begin again.');
    // Its weights are as they were before the step that failed.
    const look = error instanceof NotFiniteError;
    if (!look) this.questions.close('The run has failed, and its weights are gone. Go back to a save, or begin again.');
    const savedStep = this.saves?.step ?? 0;
    const way = this.#lesson
      ? this.#lesson.wayOut(error, savedStep)
      : wayOut(error, { page: this.#page!, defaults: this.homes.defaults(), savedStep });
    this.become('failed');
    this.send({ type: 'error', ...way, look });
  }
}
