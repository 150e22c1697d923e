// The worker's side of a visit: commands come in, and are done one after the other; everything that happens goes out as news.
import { DeviceLostError, InputError } from '../../src/index.ts';
import { checkSettings } from '../link.ts';
import type { Command, News } from '../protocol.ts';
import { refuseOtherModel } from './beginning.ts';
import { checkHome } from './check.ts';
import { whileHeld } from './driver.ts';
import { NoAdapterError } from './home.ts';
import { again, anew, resume } from './next_run.ts';
import { wayOut } from './offers.ts';
import { namedText, openPage } from './opening.ts';
import { inPageWords } from './page_words.ts';
import { ON_CPU } from './recovery.ts';
import { type PageRun, pageRun } from './run.ts';
import { exportRun, heldFiles, importRun } from './run_folder.ts';
import { pageSettings, savedKernels } from './saves.ts';
import { Stage } from './stage.ts';
import { openOwn } from './text.ts';

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
    const { served, driver } = this.#stage;
    if (command.type === 'cancel') served.cancel(command.id);
    else if (command.type === 'generate' || command.type === 'translate' || command.type === 'ask') served.add(command);
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
    this.#opened = command;
    await openPage(this.#stage, command);
  }

  async #go({ cpu = false }: Of<'go'>): Promise<void> {
    const { driver, state, homes, rebuild } = this.#stage;
    if (cpu && rebuild.waiting) homes.useCpu();
    if (!driver || state === 'failed') return again(this.#stage);
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
    const from = fromSave ? await stage.saving.present() : null;
    if (fromSave && !from) throw new InputError('start: nothing has been saved yet. Begin a new run.');
    if (from) refuseOtherModel(pageSettings(from), page);
    const opened = own ?? (await namedText(stage, page));
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
    await anew(stage, 'The run was thrown away.');
  }

  /** A run is exported at its last save; one that keeps nothing, or has not saved yet, as it is held now. */
  async #export({ what = 'run' }: Of<'export'>): Promise<void> {
    const stage = this.#stage;
    if (stage.lesson || what !== 'run') return (await stage.lessons()).export(what);
    const driver = stage.present('export');
    const saved = await stage.saving.present();
    if (saved) return this.#exported(saved.files, pageRun(driver, 'export'));
    await whileHeld(driver, async () => {
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
    await resume(stage, found, [], 'The run was imported.');
    if (!stage.driver || stage.driver === before) return;
    // It is another run here, and saved as one at once.
    const { run } = stage.driver;
    await stage.save(run, run.progress);
    stage.repeat();
  }

  /** The run holds meanwhile. */
  async #check(): Promise<void> {
    const driver = this.#stage.present('check');
    await whileHeld(driver, () => checkHome(driver.run, this.#send));
  }

  /** Between two steps: what was made to look inside may still be at work. */
  async #rest(): Promise<void> {
    this.#stage.served.questions.rest();
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
    this.#stage.served.close('There is no run yet. Begin one.');
  }
}
