// The saved runs of this page: found again at the next visit, written by one tab alone, exported and imported as run folders.

import { checkSavedSettings } from '../../src/cli/saved_settings.ts';
import {
  BrowserRuns,
  type FileContent,
  InputError,
  type KernelTable,
  type LoadedRun,
  type PretrainSettings,
  parseTrainingState,
  RunError,
  type TrainingState,
  tokenizerFromFiles,
} from '../../src/index.ts';
import { agrees, checkSettings } from '../link.ts';
import type { OwnText, PageSettings } from '../protocol.ts';
import { BOOK, pageSettingsOf } from './presets.ts';
import { type OpenText, openBook, openOwn, TEXT_FILE } from './text.ts';

const FOLDER = 'shaderformer-runs';
/** A tab that is being reloaded still holds the lock for a moment. Milliseconds. */
const PATIENCE = 2000;

type Beside = ReadonlyMap<string, FileContent>;

/** A saved run, read and verified. */
export interface Found {
  id: string | null;
  state: TrainingState;
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Its own text; null for the book. */
  text: string | null;
  /** It teaches a model that was there. */
  lesson?: boolean;
  savedAt: number | null;
}

export class Saves {
  readonly #runs: BrowserRuns;
  /** The run that is being written; null while it has not been saved. */
  id: string | null = null;
  /** The run that it began from, until it has a save of its own. */
  #origin: string | null = null;
  /** Runs that are gone back to later. */
  stay: string[] = [];
  /** Of the last save that the present run can go back to. */
  step = 0;
  at: number | null = null;

  private constructor(runs: BrowserRuns) {
    this.#runs = runs;
  }

  /** 'taken' where another tab has them. @throws RunError where the browser keeps no files */
  static async open(): Promise<Saves | 'taken'> {
    if (!(await takeLock())) return 'taken';
    try {
      const root = await navigator.storage.getDirectory();
      const runs = new BrowserRuns(await root.getDirectoryHandle(FOLDER, { create: true }));
      // What cannot be read back is not kept.
      await runs.list();
      return new Saves(runs);
    } catch (error) {
      throw new RunError(`storage: this browser keeps no files for the page (${(error as Error).message}).`);
    }
  }

  /** The newest run that a link means; none of those that cannot be read, of which `note` is told. */
  async find(given: Partial<PageSettings>, note: (line: string) => void): Promise<Found | null> {
    for (const { id } of await this.#runs.list()) {
      const found = await this.#found(id, note);
      if (found?.lesson ? Object.keys(given).length === 0 : found && agrees(pageSettings(found), given)) return found;
    }
    return null;
  }

  /** A text that a saved run has, by the first digits of its hash. */
  async text(data: string): Promise<OwnText | null> {
    for (const { id } of await this.#runs.list()) {
      const found = await this.#found(id, () => {});
      if (found?.text && found.state.dataHash.startsWith(data))
        return { name: String(found.state.settings.get('data')), text: found.text };
    }
    return null;
  }

  /** The newest save of a run that learns a text from nothing. */
  async pretrained(): Promise<Found | null> {
    for (const { id } of await this.#runs.list()) {
      const found = await this.#found(id, () => {});
      if (found && !found.lesson) return found;
    }
    return null;
  }

  /** A saved run; null where it is gone. */
  byId(id: string): Promise<Found | null> {
    return this.#found(id, () => {});
  }

  /** What a saved run needs beside its saves. */
  beside(id: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return this.#runs.beside(id);
  }

  /** The last save that the present run can go back to. */
  async present(): Promise<Found | null> {
    const id = this.id ?? this.#origin;
    return id === null ? null : this.#found(id, () => {});
  }

  /** From here on another run is written. @param found the save that it begins at @param fork the saved run stays as it is */
  use(found: Found | null, fork: boolean): void {
    this.id = fork ? null : (found?.id ?? null);
    this.#origin = found?.id ?? null;
    [this.step, this.at] = [found?.state.step ?? 0, found?.savedAt ?? null];
  }

  /** @throws RunError where the browser has no room */
  async save(step: number, files: ReadonlyMap<string, FileContent>, beside: () => Beside): Promise<void> {
    this.id ??= await this.#runs.create(beside(), this.stay);
    await this.#runs.save(this.id, step, files);
    [this.step, this.at] = [step, Date.now()];
  }

  /** Removes the present run. */
  async discard(): Promise<void> {
    if (this.id !== null) await this.#runs.remove(this.id);
    this.use(null, true);
  }

  async #found(id: string, note: (line: string) => void): Promise<Found | null> {
    const loaded = await this.#runs.load(id);
    for (const line of loaded?.passedOver ?? []) note(line);
    if (!loaded) return null;
    try {
      const { savedAt } = loaded;
      const save = readSave(loaded.files);
      // What a lesson needs may be large, and is read when it goes on.
      if (isLesson(save)) return { ...save, id, text: null, lesson: true, savedAt };
      const text = (await this.#runs.beside(id)).get(TEXT_FILE);
      return { ...save, id, text: text ? new TextDecoder().decode(text) : null, savedAt };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      note(`a saved run was passed over: ${error.message}`);
      return null;
    }
  }
}

/** @throws InputError for files without a training state, with one of another version, or with settings that no run has */
export function readSave(files: LoadedRun['files']): Pick<Found, 'state' | 'files'> {
  const training = files.get('training.json');
  if (!training) throw new InputError('training.json: not found, expected one in a saved run.');
  const state = parseTrainingState(new TextDecoder().decode(training), 'training.json');
  if (!isLesson({ state })) checkSettings(pageSettings({ state }));
  return { state, files };
}

/** Whether a saved run teaches a model that was there. */
export function isLesson({ state }: Pick<Found, 'state'>): boolean {
  return state.settings.has('task');
}

/** The text of a saved run, by the tokenizer that it was saved with. @throws InputError where the book cannot be fetched, and for a damaged tokenizer */
export async function savedText({ state, files, text }: Found): Promise<OpenText> {
  const names = ['tokenizer.json', 'tokenizer_config.json'].filter((name) => files.has(name));
  const tokenizer = await tokenizerFromFiles(
    new Map(names.map((name) => [name, new TextDecoder().decode(files.get(name))])),
  );
  if (text === null) return openBook(tokenizer);
  // The command line remembers where it found the text.
  const name = String(state.settings.get('data')).replace(/^.*[\\/]/, '');
  return openOwn({ name, text }, tokenizer);
}

/** Form by op, as a saved run recorded them. */
export function savedKernels({ state }: Pick<Found, 'state'>): KernelTable {
  return Object.fromEntries(state.kernels) as KernelTable;
}

/** The settings of a saved run, all of them. @throws InputError for one that is missing, or that no run has */
export function savedSettings({ state }: Pick<Found, 'state'>): PretrainSettings {
  checkSavedSettings(state.settings, 'training.json');
  return Object.fromEntries(state.settings) as unknown as PretrainSettings;
}

/** What the samples of a saved run begin with; undefined where it takes the text's own beginning. */
export function savedPrompt({ state }: Pick<Found, 'state'>): string | undefined {
  const prompt = state.settings.get('samplePrompt');
  return typeof prompt === 'string' && prompt !== '' ? prompt : undefined;
}

/** Those that the page shows. */
export function pageSettings(found: Pick<Found, 'state'>): PageSettings {
  const { state } = found;
  const data = state.settings.get('data') === null ? BOOK : state.dataHash.slice(0, 12);
  return pageSettingsOf(savedSettings(found), Number(state.random.get('seed')), data);
}

/** One tab writes. The lock is held until this worker ends. @returns whether it was free */
function takeLock(): Promise<boolean> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PATIENCE);
    const held = () => {
      resolve(true);
      return new Promise<never>(() => {});
    };
    locks.request(FOLDER, { signal }, held).catch(() => resolve(false));
  });
}
