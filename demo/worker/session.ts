// The worker's side of a visit: commands come in, a run begins, holds, goes on and is replaced; everything that happens goes out as
// news. One run at a time; what replaces it waits until it has ended.
import { InputError, type KernelTable, type LoopProgress, RunError } from '../../src/index.ts';
import { checkSettings, linkedSettings, type ReadLink, readLink } from '../link.ts';
import type { Command, News, PageSettings, RunState } from '../protocol.ts';
import { type Beginning, makeRun, readyNews, refuseOtherModel, whyHold, whyWait } from './beginning.ts';
import { checkHome } from './check.ts';
import { Driver } from './driver.ts';
import { secondsOf } from './forecast.ts';
import { HomeKeeper } from './home.ts';
import { anotherTab, notSaved, tooLarge, wayOut } from './offers.ts';
import { Prompts } from './prompts.ts';
import type { PageRun } from './run.ts';
import { exportRun, heldFiles, importRun } from './run_folder.ts';
import { type Found, pageSettings, Saves, savedKernels, savedText } from './saves.ts';
import { type OpenText, openOwn, textNews, textOf } from './text.ts';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

export class Session {
  readonly #send: (news: News) => void;
  readonly #prompts: Prompts;
  readonly #homes: HomeKeeper;
  #saves: Saves | null = null;
  #text: OpenText | null = null;
  #page: PageSettings | null = null;
  #driver: Driver | null = null;
  #state: RunState = 'waiting';
  /** What the run waits for; said once more with every state. */
  #waits: string | null = null;
  /** Commands that replace the run, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #compiling = false;
  #saveFails = false;

  constructor(send: (news: News) => void) {
    this.#send = send;
    this.#prompts = new Prompts(send);
    this.#homes = new HomeKeeper((done, total) => {
      // The kernel of a measurement is not the run's.
      if (this.#compiling) send({ type: 'phase', text: 'compiling kernel', done, total });
    });
  }

  handle(command: Command): void {
    const driver = this.#driver;
    if (command.type === 'go') this.#go();
    else if (command.type === 'pause') driver?.control.hold();
    else if (command.type === 'step') {
      if (driver && !driver.over && this.#state !== 'training') driver.control.one(driver.run.parts.trainer.step + 1);
    } else if (command.type === 'generate') this.#prompts.add(command);
    else if (command.type === 'cancel') this.#prompts.cancel(command.id);
    else this.#inTurn(() => this.#replace(command));
  }

  #replace(command: Exclude<Command, Of<'go' | 'pause' | 'step' | 'generate' | 'cancel'>>): Promise<void> {
    switch (command.type) {
      case 'open':
        return this.#open(command);
      case 'start':
        return this.#start(command);
      case 'stop':
        return this.#stop(command);
      case 'export':
        return this.#export();
      case 'import':
        return this.#import(command);
      case 'check':
        return this.#check();
    }
  }

  /** Commands that replace or read the run; what cannot be done is told, and the run goes on. */
  #inTurn(action: () => Promise<void>): void {
    this.#turn = this.#turn.then(action).catch((error) => this.#tell(error));
  }

  async #open(command: Of<'open'>): Promise<void> {
    const link = readLink(command.search);
    if (command.saving !== false && !this.#saves) {
      this.#phase('looking for a saved run');
      if (!(await this.#openSaves(command, link))) return;
    }
    const note = (line: string) => link.notes.push(line);
    const found = (await this.#saves?.find(link.given, note)) ?? null;
    const waits = whyWait(command, link);
    if (found && (await this.#resumed(found, link.notes, waits))) return;
    await this.#openHome(null);
    this.#phase('measuring');
    await this.#homes.measure();
    this.#send(this.#homes.news());
    const page = linkedSettings(this.#homes.defaults(), link);
    const text = await this.#textOf(page, note);
    page.data = text.data;
    await this.#begin({ page, text, from: null, asked: false, notes: link.notes, waits });
  }

  /** @returns false where another tab has the saved runs */
  async #openSaves(command: Of<'open'>, link: ReadLink): Promise<boolean> {
    try {
      const saves = await Saves.open();
      if (saves !== 'taken') {
        this.#saves = saves;
        return true;
      }
      this.#become('waiting', 'Another tab of this page is training.');
      this.#send({ type: 'error', ...anotherTab(command) });
      return false;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      link.notes.push(`${error.message} Nothing is saved: export the run to keep it.`);
      return true;
    }
  }

  /** @returns false for a saved run that cannot go on here: it is told, and stays as it is */
  async #resumed(found: Found, notes: string[], waits: string | null): Promise<boolean> {
    try {
      await this.#resume(found, notes, waits);
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notes.push(`The saved run cannot go on: ${error.message}`);
      return false;
    }
  }

  /** Goes on with a saved run. */
  async #resume(found: Found, notes: string[], waits: string | null): Promise<void> {
    this.#phase('reading the text');
    const text = await savedText(found);
    await this.#openHome(savedKernels(found));
    this.#send(this.#homes.news());
    await this.#begin({ page: pageSettings(found), text, from: found, asked: false, notes, waits });
  }

  /** A new run in place of the present one. */
  async #start({ settings, text, fromSave }: Of<'start'>): Promise<void> {
    const own = text ? openOwn(text) : null;
    const page = own ? { ...settings, data: own.data } : settings;
    checkSettings(page);
    const from = fromSave ? ((await this.#saves?.present()) ?? null) : null;
    if (fromSave && !from) throw new InputError('start: nothing has been saved yet. Begin a new run.');
    if (from) refuseOtherModel(pageSettings(from), page);
    await this.#openHome(from && savedKernels(from));
    const opened = own ?? (await this.#textOf(page, () => {}));
    await this.#begin({ page, text: opened, from, asked: true, notes: [], waits: null });
  }

  /** Makes the run, tells of it, and lets it go. The one before ends first. */
  async #begin(beginning: Beginning): Promise<void> {
    const { page, text, from, asked } = beginning;
    const made = makeRun(this.#homes.home, beginning);
    if (made.run === null) {
      if (!this.#driver) this.#send(textNews(text));
      this.#send({ type: 'error', ...tooLarge(made, this.#homes.defaults()) });
      if (!this.#driver) this.#become('waiting', 'The run does not fit this machine.');
      return;
    }
    const { run } = made;
    await this.#endRun();
    if (from) await run.restore(from.files, from.state, asked);
    [this.#page, this.#text] = [page, text];
    this.#saves?.use(from, asked);
    this.#saveFails = false;
    this.#send(textNews(text));
    const seconds = secondsOf(run, this.#homes.gflops);
    this.#send(readyNews(run, beginning, { defaults: this.#homes.defaults(), seconds }));
    if (from) this.#send({ type: 'history', events: run.events });
    this.#compiling = true;
    await run.prepare();
    this.#compiling = false;
    this.#prompts.use({ generator: run.parts.generator, tokenizer: text.corpus.tokenizer });
    const driver = new Driver({
      run,
      prompts: this.#prompts,
      send: this.#send,
      become: (state) => this.#become(state),
      save: (progress) => this.#save(run, progress),
      failed: (error) => this.#failed(error),
    });
    this.#driver = driver;
    const why = whyHold(beginning, seconds);
    if (why === null) driver.control.go();
    else this.#become('waiting', why);
  }

  #go(): void {
    const driver = this.#driver;
    if (this.#state !== 'failed') {
      if (driver && !driver.over) driver.control.go();
      return;
    }
    // The device may be gone and the weights with it: a new one, and the last save.
    this.#inTurn(async () => {
      const found = (await this.#saves?.present()) ?? null;
      await this.#endRun();
      this.#homes.close();
      if (found) return this.#resume(found, [], null);
      await this.#openHome(null);
      await this.#begin({ page: this.#page!, text: this.#text!, from: null, asked: true, notes: [], waits: null });
    });
  }

  async #stop({ keep }: Of<'stop'>): Promise<void> {
    const [driver, page, text] = [this.#driver, this.#page, this.#text];
    if (!driver) return;
    if (keep) {
      await driver.hold();
      return this.#become('stopped');
    }
    await this.#endRun();
    await this.#saves?.discard();
    const why = 'The run was thrown away.';
    await this.#begin({ page: page!, text: text!, from: null, asked: true, notes: [], waits: why });
  }

  async #export(): Promise<void> {
    // A run that goes is exported at its last save; one that keeps nothing, or has not saved yet, as it is held now.
    const driver = this.#driver;
    if (!driver) throw new InputError('export: there is no run yet.');
    const { run } = driver;
    const present = await this.#saves?.present();
    if (present) return this.#exported(present.files, run);
    const training = this.#state === 'training';
    await driver.hold();
    const files = await heldFiles(run);
    this.#exported(files, run);
    if (training) driver.control.go();
  }

  #exported(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, run: PageRun): void {
    const { name, bytes } = exportRun(files, run.spec.text.own);
    this.#send({ type: 'exported', name, bytes });
  }

  async #import({ files }: Of<'import'>): Promise<void> {
    this.#phase('reading the run');
    const found = await importRun(files);
    checkSettings(pageSettings(found));
    await this.#endRun();
    await this.#resume(found, [], 'The run was imported.');
    // It is another run here, and saved as one at once.
    await this.#save(this.#driver!.run, this.#driver!.run.progress);
    this.#become(this.#state, this.#waits);
  }

  async #check(): Promise<void> {
    const driver = this.#driver;
    if (!driver) throw new InputError('check: there is no run yet.');
    const training = this.#state === 'training';
    await driver.hold();
    await checkHome(driver.run, this.#send);
    if (training) driver.control.go();
  }

  /** Saves, or tells once why not: the run goes on either way. */
  async #save(run: PageRun, progress: LoopProgress): Promise<string | null> {
    if (!this.#saves) return null;
    try {
      await this.#saves.save(progress.step, await run.files(progress), run.spec.text.own?.text ?? null);
      this.#saveFails = false;
      return `step-${progress.step}`;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (!this.#saveFails) this.#send({ type: 'error', ...notSaved(error) });
      this.#saveFails = true;
      return null;
    }
  }

  #failed(error: unknown): void {
    const savedStep = this.#saves?.step ?? 0;
    const way = wayOut(error, { page: this.#page!, defaults: this.#homes.defaults(), savedStep });
    this.#become('failed');
    this.#send({ type: 'error', ...way });
  }

  /** A command that could not be done. */
  #tell(error: unknown): void {
    this.#compiling = false;
    const way = wayOut(error, null);
    this.#send({ type: 'error', ...way });
    if (!this.#driver) this.#become('waiting', 'There is no run yet.');
  }

  /** Ends the present run, if there is one, and gives back what it holds. */
  async #endRun(): Promise<void> {
    const driver = this.#driver;
    if (!driver) return;
    driver.control.end();
    await driver.ended;
    this.#prompts.use(null);
    driver.run.release();
    this.#driver = null;
  }

  /** The GPU; what runs on it ends where a save names other kernels. */
  async #openHome(kernels: KernelTable | null): Promise<void> {
    if (this.#homes.differs(kernels)) {
      await this.#endRun();
      this.#homes.close();
    }
    this.#phase('opening the GPU');
    await this.#homes.open(kernels);
  }

  #textOf({ data }: PageSettings, note: (line: string) => void): Promise<OpenText> {
    this.#phase('reading the text');
    return textOf(data, this.#text, async (wanted) => (await this.#saves?.text(wanted)) ?? null, note);
  }

  #phase(text: string): void {
    this.#send({ type: 'phase', text });
  }

  #become(state: RunState, waitsBecause: string | null = null): void {
    [this.#state, this.#waits] = [state, waitsBecause];
    const { step = 0, at = null } = this.#saves ?? {};
    this.#send({ type: 'state', state, waitsBecause, savedStep: step, savedAt: at });
  }
}
