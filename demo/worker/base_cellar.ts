// Where the models of the shelf really are: loaded ones in memory, the others in what was saved of their runs, read when they are asked for.
import { InputError, RunError, StoppedError } from '../../src/index.ts';
import type { ShelfId, ShelfModel } from '../protocol/lessons.ts';
import type { RunFile } from '../protocol.ts';
import { type BaseModel, openBase } from './base_model.ts';
import { whileHeld } from './driver.ts';
import type { LessonRun } from './lesson_run.ts';
import { wholeModelFiles } from './model_exports.ts';
import { modelFiles } from './model_files.ts';
import { heldFiles } from './run_folder.ts';
import { type Found, readSave } from './saves.ts';
import type { Stage } from './stage.ts';

/** A run that was saved by the browser, or is kept here where it saves nothing. */
type Kept = { id: string } | { found: Found };

export class BaseCellar {
  readonly #stage: Stage;
  #loaded: BaseModel | null = null;
  /** The run of the first chapter, while a lesson is the present one. */
  #home: Kept | null = null;
  /** The last lesson: the present run, or one that was left. */
  #lesson: LessonRun | null = null;
  #taught: Kept | null = null;
  /** The last model that was read of a save. */
  #read: { of: string; base: BaseModel } | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** @throws InputError as modelFiles and openBase; what was loaded before then stays */
  async load(name: string, given: readonly RunFile[]): Promise<void> {
    const { send, shelf } = this.#stage;
    const files = await modelFiles(name, given);
    let told = 0;
    const reading = openBase(name.replace(/\.zip$/i, ''), files, async (done, total) => {
      if (performance.now() - told < 100) return;
      told = performance.now();
      send({ type: 'phase', text: 'reading the model', done, total });
      await new Promise((resolve) => setTimeout(resolve));
    });
    // What the run does is told again, in place of the reading.
    const base = await reading.finally(() => told > 0 && this.#stage.repeat());
    this.#loaded = base;
    shelf.put(shelfModel('loaded', base));
  }

  /** @throws InputError for one that is not there, or cannot be taught */
  async get(id: ShelfId): Promise<BaseModel> {
    if (id === 'loaded') {
      this.#stage.shelf.get(id);
      return this.#loaded!;
    }
    const { lesson } = this.#stage;
    const found = id === 'taught' ? await this.#taughtFound() : lesson ? await this.home() : await this.present();
    if (!found) throw new InputError(`base: found no model that was ${id}, expected one that is saved. Take another.`);
    const of = `${id} ${found.id} ${found.state.step} ${found.savedAt}`;
    if (found.id !== null && this.#read?.of === of) return this.#read.base;
    const base = await openBase(this.#nameOf(id, found), await this.#filesOf(id, found));
    this.#read = { of, base };
    return base;
  }

  /** The present run at its last save, or as it is held now where it keeps nothing. */
  async present(): Promise<Found> {
    const stage = this.#stage;
    const saved = await stage.saving.present();
    if (saved) return saved;
    const driver = stage.present('model');
    let found!: Found;
    await whileHeld(driver, async () => {
      const files = await heldFiles(driver.run);
      const { text } = stage;
      found = { ...readSave(files), id: null, text: text?.own?.text ?? null, savedAt: null };
    });
    return { ...found, lesson: stage.lesson !== null };
  }

  /** Remembers the present run before a lesson takes its place. */
  async keepRun(): Promise<void> {
    const { driver, lesson, saves } = this.#stage;
    if (!driver) return;
    const found = await this.present();
    const kept: Kept = found.id === null ? { found } : { id: found.id };
    if (lesson) this.#taught = kept;
    else this.#home = kept;
    if (saves) saves.stay = [this.#home, this.#taught].flatMap((each) => (each && 'id' in each ? [each.id] : []));
  }

  /** Remembers the lesson that is left: others can begin from it. One of which nothing can be kept leaves the shelf. */
  async keepLesson(): Promise<void> {
    try {
      await this.keepRun();
    } catch (error) {
      if (!(error instanceof InputError || error instanceof RunError || error instanceof StoppedError)) throw error;
      this.#taught = null;
      this.#stage.shelf.remove('taught');
    }
  }

  /** The run of the first chapter; null where nothing of it was kept. */
  async home(): Promise<Found | null> {
    const { saves } = this.#stage;
    return (this.#home && (await this.#found(this.#home))) ?? (await saves?.pretrained()) ?? null;
  }

  /** A lesson was found as the newest run: the run before it stays, and is on the shelf. */
  async found(): Promise<void> {
    const { saves, shelf } = this.#stage;
    const before = await saves?.pretrained();
    if (!saves || !before) return;
    this.#home = { id: before.id! };
    saves.stay = [before.id!];
    shelf.put(shelfModel('trained', await openBase(this.#nameOf('trained', before), before.files)));
  }

  /** A lesson is the present run. */
  teaches(run: LessonRun): void {
    this.#lesson = run;
    const { spec } = run;
    // A classifier says classes, and is no model to go on with.
    if (spec.task === 'classify') {
      this.#stage.shelf.remove('taught');
      return;
    }
    const model = shelfModel('taught', spec.base);
    const name = this.#taughtName(run);
    const { settings } = spec.engine;
    this.#stage.shelf.put({ ...model, name, chats: spec.template !== null, adapter: settings.loraR > 0, notes: [] });
  }

  #taughtName({ spec }: LessonRun): string {
    return `${spec.base.name}, taught ${spec.data.name}`;
  }

  async #taughtFound(): Promise<Found | null> {
    if (this.#stage.lesson) return this.present();
    return this.#taught && this.#found(this.#taught);
  }

  async #found(kept: Kept): Promise<Found | null> {
    if ('found' in kept) return kept.found;
    return (await this.#stage.saves?.byId(kept.id)) ?? null;
  }

  #nameOf(id: ShelfId, { state }: Found): string {
    const { text } = this.#stage;
    if (id === 'taught') return `${this.#taughtName(this.#lesson!)}, step ${state.step}`;
    return `${text?.corpus.name ?? String(state.settings.get('data') ?? 'moby-dick')}, step ${state.step}`;
  }

  #filesOf(id: ShelfId, { files }: Found) {
    return wholeModelFiles(files, id === 'taught' ? this.#lesson!.spec.base : null);
  }
}

function shelfModel(id: ShelfId, base: BaseModel): ShelfModel {
  const { name, config, parameters, tokenizer, template, parts, notes } = base;
  return {
    ...{ id, name, family: config.family, parameters },
    ...{ layers: config.nLayer, width: config.nEmbd, context: config.blockSize, vocabSize: config.vocabSize },
    ...{ tokenizer: tokenizer.kind, chats: template !== null, adapter: false },
    ...{ parts: [...parts], notes: [...notes] },
  };
}
