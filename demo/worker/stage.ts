// The one run of a page: where it computes, how it begins, and how it fails and ends.
import { InputError, type KernelTable, type LoopProgress, NotFiniteError } from '../../src/index.ts';
import type { ShelfId } from '../protocol/lessons.ts';
import type { News, PageSettings, RunState } from '../protocol.ts';
import { type AnyRun, orRelease, type ShelfWriters } from './any_run.ts';
import { type Beginning, makeRun, readyNews, whyHold } from './beginning.ts';
import { Driver } from './driver.ts';
import { secondsOf } from './forecast.ts';
import { HomeKeeper } from './home.ts';
import type { LessonAct, Lessons } from './lessons.ts';
import { tooLarge, wayOut } from './offers.ts';
import { Past } from './past.ts';
import { Rebuild } from './rebuild.ts';
import { Receipts } from './receipts.ts';
import { PageRun } from './run.ts';
import type { Found, Saves } from './saves.ts';
import { Saving } from './saving.ts';
import { Served } from './served.ts';
import { Shelf, trainedModel } from './shelf.ts';
import { type OpenText, textNews } from './text.ts';

export class Stage {
  readonly send: (news: News) => void;
  readonly homes: HomeKeeper;
  readonly saving: Saving;
  /** Who is asked beside the run. */
  readonly served: Served;
  readonly shelf: Shelf;
  readonly rebuild: Rebuild;
  readonly #receipts: Receipts;
  #driver: Driver | null = null;
  /** How the last run of the first chapter began. */
  #beginning: Beginning | null = null;
  #past: Past | null = null;
  /** How the present run is begun again, where it is a lesson. */
  #lesson: LessonAct | null = null;
  #lessons: Promise<Lessons> | null = null;
  /** Those, once they are loaded. */
  #loaded: Lessons | null = null;
  #state: RunState = 'waiting';
  /** What the run waits for; said once more with every state. */
  #waits: string | null = null;

  /** @param inTurn does something when what was asked before is done */
  constructor(send: (news: News) => void, inTurn: (task: () => Promise<void>) => void = (task) => void task()) {
    this.send = send;
    this.rebuild = new Rebuild(this, inTurn);
    this.saving = new Saving(send);
    this.served = new Served(send);
    this.shelf = new Shelf(send);
    this.#receipts = new Receipts(send);
    this.homes = new HomeKeeper((done, total) => send({ type: 'phase', text: 'compiling kernel', done, total }));
  }

  /** null before the first run, and where the last one ended without another. */
  get driver(): Driver | null {
    return this.#driver;
  }

  /** Of the present run. */
  get past(): Past | null {
    return this.#past;
  }

  /** As the last run of the first chapter was asked for. */
  get page(): PageSettings | null {
    return this.#beginning?.page ?? null;
  }

  /** The text that is open. */
  get text(): OpenText | null {
    return this.#beginning?.text ?? null;
  }

  /** The lesson that is the present run. */
  get lesson(): LessonAct | null {
    return this.#lesson;
  }

  get saves(): Saves | null {
    return this.saving.saves;
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
    const { text, from, asked } = beginning;
    const run = this.fitting(beginning);
    if (!run) return;
    await this.end();
    this.rebuild.forget();
    if (from) await orRelease(run, () => run.restore(from.files, from.state, asked));
    [this.#beginning, this.#lesson] = [beginning, null];
    this.saving.use(from, asked);
    this.send(textNews(text));
    const seconds = secondsOf(run, this.homes.gflops);
    const ready = readyNews(run, beginning, { defaults: this.homes.defaults(), seconds });
    this.send(forked ? { ...ready, forked: true } : ready);
    if (from) this.send({ type: 'history', events: run.events });
    await this.#receipts.hold(run, beginning.receipt ?? null);
    this.#show(run, run.progress);
    const driver = await this.#drive(run, Past.of(run, from, { before: forked, other: asked }), false);
    const why = whyHold(beginning, seconds);
    if (why === null) driver.control.go();
    else this.become('waiting', why);
  }

  /**
   * Lets a lesson take the place of the present run, which has ended.
   * @param found the save that it goes on from   @param told what is said of it before it goes
   */
  async teach(run: AnyRun, act: LessonAct, found: Found | null, told: News[]): Promise<Driver> {
    this.rebuild.forget();
    this.#receipts.leave();
    this.#lesson = act;
    this.saving.use(found, false);
    for (const news of told) this.send(news);
    return this.#drive(run, null, false);
  }

  /**
   * The present run once more, where it was saved last or as it began, on a device that takes the place of a lost one. It holds.
   * @returns null where it does not fit any more, which is told
   */
  async remake(): Promise<Driver | null> {
    const saved = await this.saving.present();
    if (this.#lesson) return this.#drive(await this.#lesson.remake(saved), null, true);
    const { asked, ...beginning } = this.#beginning!;
    // Of its own saves the settings are the run's.
    const other = asked && (saved === null || this.saves?.id === null);
    const from = saved ?? beginning.from;
    const run = this.fitting({ ...beginning, from, asked: other });
    if (!run) return null;
    if (from) await orRelease(run, () => run.restore(from.files, from.state, other));
    return this.#drive(run, Past.of(run, from, { before: this.#past ?? undefined, other }), true);
  }

  /** The run, of which nothing is allocated yet; one that does not fit is told. @throws InputError as makeRun */
  fitting(beginning: Beginning): PageRun | null {
    const made = makeRun(this.homes.home, beginning);
    if (made.run) return made.run;
    if (!this.#driver) this.send(textNews(beginning.text));
    this.send({ type: 'error', ...tooLarge(made, this.homes.defaults()) });
    if (!this.#driver) this.become('waiting', 'The run does not fit this machine.');
    return null;
  }

  /** Ends the present run, if there is one, and gives back what it holds. */
  async end(): Promise<void> {
    const driver = this.#driver;
    if (!driver) return;
    driver.control.end();
    await driver.ended;
    await this.served.leave();
    driver.run.release();
    this.#driver = null;
  }

  /** The run ends here, and says which ways out there are. */
  fail(error: unknown): void {
    const look = error instanceof NotFiniteError;
    this.served.fail(look);
    const savedStep = this.saves?.step ?? 0;
    const way = this.#lesson
      ? this.#lesson.wayOut(error, savedStep)
      : wayOut(error, { page: this.page!, defaults: this.homes.defaults(), savedStep });
    this.become('failed');
    this.send({ type: 'error', ...way, look });
  }

  /** Saves, or tells once why not: the run goes on either way. */
  async save(run: AnyRun, progress: LoopProgress): Promise<string | null> {
    const saved = await this.saving.save(run, progress);
    if (saved !== null) this.#show(run, progress);
    return saved;
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

  /** What models are taught with, which is no part of a first visit. */
  lessons(): Promise<Lessons> {
    return (this.#lessons ??= import('./lessons.ts').then(({ Lessons }) => (this.#loaded = new Lessons(this))));
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

  /** Compiles what it needs, and lets it be asked; it holds. @param rebuilt its start was told */
  async #drive(run: AnyRun, past: Past | null, rebuilt: boolean): Promise<Driver> {
    await orRelease(run, () => this.homes.compile(run, rebuilt));
    this.served.use(run, this.#shelfWriters(run), past);
    this.#past = past;
    const driver = new Driver({
      run,
      turns: this.served.turns,
      send: (news) => this.#told(run, news),
      become: (state) => this.become(state),
      save: (progress) => this.save(run, progress),
      keep: async () => past?.keep(),
      failed: (error) => this.rebuild.begin() || this.fail(error),
      rebuilt,
    });
    return (this.#driver = driver);
  }

  /** What a run says goes out, and what it shows of the run's being another's repetition. */
  #told(run: AnyRun, news: News): void {
    this.send(news);
    if (news.type !== 'event') return;
    const page = this.#lesson ? null : this.page;
    this.#receipts.take(run, news.event, page, () => this.#driver?.run === run);
  }

  /** The model of the first chapter stands on the shelf. */
  #show(run: AnyRun, { step }: LoopProgress): void {
    if (run instanceof PageRun) this.shelf.put(trainedModel(run, run.spec.text.corpus.name, step));
  }

  /** What nobody has asked for is not loaded. */
  #shelfWriters({ home, writers }: AnyRun): ShelfWriters {
    return {
      of: async ({ side }) => {
        const own = { id: this.#lesson ? ('taught' as const) : ('trained' as const), writers };
        return (await this.lessons()).shelf.of(side as ShelfId, home, own);
      },
      // At once: the device may be closed right behind it.
      rest: () => this.#loaded?.shelf.rest(),
    };
  }
}
