// The worker's side of a visit: commands come in, and are done one after the other; everything that happens goes out as news.
import { DeviceLostError, InputError, RunError } from '../../src/index.ts';
import { checkSettings, linkedSettings, type ReadLink, readLink } from '../link.ts';
import type { Command, News, PageSettings } from '../protocol.ts';
import type { Receipt } from '../receipt.ts';
import { refuseOtherModel, whyWait } from './beginning.ts';
import { checkHome } from './check.ts';
import { NoAdapterError } from './home.ts';
import { anotherTab, wayOut } from './offers.ts';
import { inPageWords } from './page_words.ts';
import { ON_CPU } from './recovery.ts';
import { type PageRun, pageRun } from './run.ts';
import { exportRun, heldFiles, importRun } from './run_folder.ts';
import { type Found, pageSettings, Saves, savedKernels } from './saves.ts';
import { Stage } from './stage.ts';
import { type OpenText, openBook, openOwn, textOf } from './text.ts';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

export class Visit {
  readonly #send: (news: News) => void;
  readonly #stage: Stage;
  #turn: Promise<void> = Promise.resolve();
  /** How the page was opened. */
  #opened: Of<'open'> | null = null;

  constructor(send: (news: News) => void) {
    this.#send = (news) => send(inPageWords(news));
    this.#stage = new Stage(this.#send, (task) => this.#queue(task));
  }

  handle(command: Command): void {
    const { prompts, translations, questions, driver } = this.#stage;
    if (command.type === 'generate') prompts.add(command);
    else if (command.type === 'translate') translations.add(command);
    else if (command.type === 'ask') questions.add(command);
    else if (command.type === 'cancel')
      for (const served of [prompts, translations, questions]) served.cancel(command.id);
    else {
      // At once; all else that is asked of a run that is being made waits until it is there.
      if (command.type === 'pause') driver?.control.hold();
      this.#queue(() => this.#do(command));
    }
  }

  /** What cannot be done is told; what a lost device broke is done once more on another one. */
  #queue(task: () => Promise<void>): void {
    this.#turn = this.#turn.then(task).catch((error) => {
      const again = error instanceof DeviceLostError && this.#stage.rebuild.after(task);
      if (!again) this.#tell(error);
      const { driver, rebuild } = this.#stage;
      if (error instanceof NoAdapterError && !driver && !rebuild.waiting) rebuild.whenThere(task);
    });
  }

  /** What cannot be done is told, and the run goes on. */
  #do(command: Exclude<Command, Of<'generate' | 'translate' | 'ask' | 'cancel'>>): Promise<void> {
    switch (command.type) {
      case 'open':
        return this.#open(command);
      case 'go':
        return this.#go(command);
      case 'pause':
        return this.#pause();
      case 'step':
        return this.#step();
      case 'start':
        return this.#start(command);
      case 'fork':
        return this.#fork(command);
      case 'stop':
        return this.#stop(command);
      case 'export':
        return this.#export(command);
      case 'import':
        return this.#import(command);
      case 'check':
        return this.#check();
      case 'rest':
        return this.#rest();
      case 'unplug':
        return this.#stage.rebuild.unplug();
      case 'load':
      case 'prepare':
      case 'teach':
      case 'back':
        return this.#lesson(command);
    }
  }

  async #open(command: Of<'open'>): Promise<void> {
    const stage = this.#stage;
    const link = readLink(command.search);
    this.#opened = command;
    if (command.cpu) stage.homes.useCpu();
    if (command.saving !== false && !stage.saves) {
      stage.phase('looking for a saved run');
      if (!(await this.#openSaves(command, link))) return;
    }
    const receipt = await this.#receipt(link);
    // What a receipt is of is trained once more, from nothing.
    const found = receipt ? null : ((await stage.saves?.find(link.given, (line) => link.notes.push(line))) ?? null);
    const waits = whyWait(command, link);
    if (found && (await this.#resumed(found, link.notes, waits))) return;
    // Of a lesson that cannot go on there is the run before it.
    const before = found?.lesson ? await stage.saves!.pretrained() : null;
    if (before && (await this.#resumed(before, link.notes, waits))) return;
    await stage.openHome(null);
    stage.phase('measuring');
    await stage.homes.measure();
    this.#send(stage.homes.news());
    const page = linkedSettings(stage.homes.defaults(), link);
    const named = await this.#textOf(page);
    const text = named ?? (await openBook());
    page.data = text.data;
    const other = 'The link is of a run on different data.';
    const same = named !== null && (receipt === null || receipt.dataHash === text.corpus.hash);
    if (!named)
      link.notes.push(
        `data: the text ${link.given.data} is not here, and a link carries none. Give that text, or train on the book.`,
      );
    const begun = { page, text, from: null, asked: false, notes: link.notes, waits: same ? waits : other };
    await stage.begin({ ...begun, receipt: same ? receipt : null });
    if (receipt && !same)
      this.#send({
        type: 'replay',
        verdict: 'different',
        sentence: `different data: the receipt is of a text with the hash ${receipt.dataHash.slice(0, 12)}, this one has ${text.corpus.hash.slice(0, 12)}. Nothing runs.`,
      });
  }

  /** The receipt of a link; null where it has none, or a damaged one, which is told. */
  async #receipt({ receipt, notes }: ReadLink): Promise<Receipt | null> {
    if (receipt === null) return null;
    const { readReceipt } = await import('../receipt.ts');
    try {
      return readReceipt(receipt);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notes.push(error.message);
      return null;
    }
  }

  /** @returns false where another tab has the saved runs */
  async #openSaves(command: Of<'open'>, link: ReadLink): Promise<boolean> {
    try {
      const saves = await Saves.open();
      if (saves !== 'taken') {
        this.#stage.saves = saves;
        return true;
      }
      this.#stage.become('waiting', 'Another tab of this page is training.');
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
      await this.#stage.resume(found, notes, waits);
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notes.push(`The saved run cannot go on: ${error.message}`);
      return false;
    }
  }

  async #go({ cpu = false }: Of<'go'>): Promise<void> {
    const { driver, state, homes, rebuild } = this.#stage;
    if (cpu && rebuild.waiting) homes.useCpu();
    if (!driver || state === 'failed') return this.#stage.again();
    driver.go();
  }

  async #pause(): Promise<void> {
    await this.#stage.driver?.hold();
  }

  async #step(): Promise<void> {
    const { driver, state } = this.#stage;
    if (driver && !driver.over && state !== 'training') driver.control.one(driver.run.parts.trainer.step + 1);
  }

  /** A new run in place of the present one. */
  async #start({ settings, text, fromSave }: Of<'start'>): Promise<void> {
    const stage = this.#stage;
    const own = text ? openOwn(text) : null;
    const page = own ? { ...settings, data: own.data } : settings;
    checkSettings(page);
    const from = fromSave ? ((await stage.saves?.present()) ?? null) : null;
    if (fromSave && !from) throw new InputError('start: nothing has been saved yet. Begin a new run.');
    if (from) refuseOtherModel(pageSettings(from), page);
    const opened = own ?? (await this.#textOf(page));
    if (!opened)
      throw new InputError(`data: found ${page.data}, expected a text that is here. Give the text, or take the book.`);
    await stage.openHome(from && savedKernels(from));
    await stage.begin({ page, text: opened, from, asked: true, notes: [], waits: null });
  }

  async #fork(command: Of<'fork'>): Promise<void> {
    const { forkRun } = await import('./fork.ts');
    await forkRun(this.#stage, command);
  }

  async #lesson(command: Of<'load' | 'prepare' | 'teach' | 'back'>): Promise<void> {
    await (await this.#stage.lessons()).handle(command);
  }

  async #stop({ keep }: Of<'stop'>): Promise<void> {
    const stage = this.#stage;
    if (!stage.driver) return;
    if (keep) {
      await stage.driver.hold();
      // A run that failed meanwhile has stopped, and is kept as it was saved.
      if (stage.state === 'failed') return;
      return stage.become('stopped');
    }
    await stage.end();
    await stage.saves?.discard();
    await stage.anew('The run was thrown away.');
  }

  /** A run is exported at its last save; one that keeps nothing, or has not saved yet, as it is held now. */
  async #export({ what = 'run' }: Of<'export'>): Promise<void> {
    const stage = this.#stage;
    if (stage.lesson || what !== 'run') return (await stage.lessons()).export(what);
    const driver = stage.present('export');
    const saved = await stage.saves?.present();
    if (saved) return this.#exported(saved.files, pageRun(driver, 'export'));
    await stage.whileHeld(driver, async () => {
      const run = pageRun(driver, 'export');
      this.#exported(await heldFiles(run), run);
    });
  }

  #exported(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, run: PageRun): void {
    const { name, bytes } = exportRun(files, run.spec.text.own);
    this.#send({ type: 'exported', name, bytes });
  }

  async #import({ files }: Of<'import'>): Promise<void> {
    const stage = this.#stage;
    stage.phase('reading the run');
    const found = await importRun(files);
    const before = stage.driver;
    await stage.resume(found, [], 'The run was imported.');
    if (!stage.driver || stage.driver === before) return;
    // It is another run here, and saved as one at once.
    const { run } = stage.driver;
    await stage.save(run, run.progress);
    stage.repeat();
  }

  /** The run holds meanwhile. */
  async #check(): Promise<void> {
    const driver = this.#stage.present('check');
    await this.#stage.whileHeld(driver, () => checkHome(driver.run, this.#send));
  }

  /** Between two steps: what was made to look inside may still be at work. */
  async #rest(): Promise<void> {
    this.#stage.questions.rest();
  }

  #tell(error: unknown): void {
    const gone = error instanceof NoAdapterError;
    const onCpu = gone && !this.#stage.driver && this.#opened && { ...this.#opened, hidden: false, cpu: true };
    this.#send({
      type: 'error',
      ...wayOut(error, null),
      ...(gone && { until: 'adapter' }),
      ...(onCpu && { offers: [{ label: ON_CPU, command: onCpu }] }),
    });
    if (this.#stage.driver) return;
    this.#stage.become('waiting', 'There is no run yet.');
    for (const served of [this.#stage.prompts, this.#stage.translations, this.#stage.questions])
      served.close('There is no run yet. Begin one.');
  }

  #textOf({ data }: PageSettings): Promise<OpenText | null> {
    const { saves, text } = this.#stage;
    this.#stage.phase('reading the text');
    return textOf(data, text, async (wanted) => (await saves?.text(wanted)) ?? null);
  }
}
