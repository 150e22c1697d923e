// The files of one model among those that were given: a Hugging Face folder, a run folder at its best step, or a .zip of one of them.
// Nothing of them is run; what could be, a pickle, is refused.

import { readZip } from '../../src/checkpoint/zip.ts';
import { InputError, stepName, stepOf } from '../../src/index.ts';
import type { RunFile } from '../protocol.ts';
import { faultOf } from './run_folder.ts';

export type ModelFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const PICKLE = /\.(bin|pt|pth|ckpt|pkl)$/;

/** Files by name, of each folder by its path. */
type Folders = Map<string, Map<string, Uint8Array<ArrayBuffer>>>;

/**
 * @param name what was dropped, for messages
 * @throws InputError for an adapter, for pickles, for several models, and where there is none
 */
export async function modelFiles(name: string, given: readonly RunFile[]): Promise<ModelFiles> {
  const [only] = given;
  const zipped = given.length === 1 && /\.zip$/i.test(only!.path);
  const files = zipped ? ((await readZip(only!.path, only!.bytes)) as RunFile[]) : given;
  const folders: Folders = new Map();
  for (const { path, bytes } of files) {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const file = parts.pop();
    if (file === undefined || file.startsWith('.')) continue;
    const folder = parts.join('/');
    folders.set(folder, (folders.get(folder) ?? new Map()).set(file, bytes));
  }
  const all = [...folders].filter(([, own]) => own.has('config.json'));
  const models = all.filter(([path]) => stepOfPath(path) === undefined);
  if (models.length > 1)
    throw new InputError(
      `${name}: found ${models.length} folders with a config.json (${models.map(([path]) => path || '.').join(', ')}), expected one model. Give one of the folders.`,
    );
  if (models.length === 1) return refuseAdapter(name, models[0]![1]);
  if (all.length > 0) return refuseAdapter(name, bestStep(name, folders, new Map(all)));
  for (const own of folders.values()) refuseAdapter(name, own);
  const pickle = [...folders.values()].flatMap((own) => [...own.keys()]).find((file) => PICKLE.test(file));
  if (pickle !== undefined) throw pickled(name, pickle);
  throw new InputError(
    `${name}: found no config.json, expected a model's folder with config.json, its weights and its tokenizer. Give the whole folder, or a .zip of it.`,
  );
}

/** The number of a step folder; undefined for others. */
function stepOfPath(path: string): number | undefined {
  return stepOf(path.split('/').at(-1) ?? '');
}

/** Of a run folder the step that `best` names, else `last`, else the latest; one that was saved with a manifest is as it was saved. */
function bestStep(name: string, folders: Folders, steps: Folders): Map<string, Uint8Array<ArrayBuffer>> {
  const pointed = (pointer: string) => {
    for (const [path, own] of folders) {
      const text = new TextDecoder().decode(own.get(pointer) ?? new Uint8Array());
      const found = [...steps].find(([step]) => step === [path, text.trim()].filter((part) => part !== '').join('/'));
      if (found) return found;
    }
    return undefined;
  };
  const latest = [...steps].sort(([a], [b]) => stepOfPath(b)! - stepOfPath(a)!)[0]!;
  const [path, saved] = pointed('best') ?? pointed('last') ?? latest;
  const step = stepOfPath(path)!;
  const fault = faultOf(step, saved);
  if (fault !== null)
    throw new InputError(
      `${name}: ${stepName(step)}: ${fault}, expected what was saved. Give the folder as it was written.`,
    );
  return saved;
}

function refuseAdapter(name: string, files: Map<string, Uint8Array<ArrayBuffer>>): ModelFiles {
  if (!files.has('adapter_config.json')) return files;
  throw new InputError(
    `${name}: found an adapter, which is no model by itself, expected a whole model. Put it into its base: npm run convert -- --model BASE --merge ADAPTER --out NEW`,
  );
}

export function pickled(name: string, file: string): InputError {
  return new InputError(
    `${name}: found ${file}, a PyTorch pickle, which can run foreign code and is never opened, expected model.safetensors. Convert it with save_pretrained(safe_serialization=True).`,
  );
}

/** Whether this is the file of a pickle. */
export const isPickle = (file: string): boolean => PICKLE.test(file);
