// A run as a folder that the command line goes on with, packed into one .zip; and back.
import {
  InputError,
  isFileName,
  manifestName,
  manifestText,
  readManifest,
  readZip,
  Sha256,
  stepName,
  stepOf,
  writeZip,
  type ZipEntry,
} from '../../src/index.ts';
import type { OwnText, RunFile } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';
import { collected } from './collected.ts';
import { eventsOf, linesOf } from './log_lines.ts';
import { type Found, isLesson, readSave } from './saves.ts';
import { textFileName } from './text.ts';

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const LOG = 'metrics.jsonl';

/** The files that a save of the run would have now. It holds meanwhile. */
export async function heldFiles(
  run: Pick<AnyRun, 'files' | 'progress'>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  return collected(await run.files(run.progress));
}

/** @param files of a save, its log among them   @param own the visitor's text */
export function exportRun(files: Files, own: OwnText | null): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const { state } = readSave(files as Map<string, Uint8Array<ArrayBuffer>>);
  const name = own ? textFileName(own.name).replace(/\.txt$/, '') : 'moby';
  const beside = new Map(own ? [[textFileName(own.name), new TextEncoder().encode(own.text)] as const] : []);
  return zippedRun(name, state.step, files, beside);
}

/** A run folder with one save as a .zip. @param beside what the run needs and stands in no save, by its path in the folder */
export function zippedRun(
  name: string,
  at: number,
  files: Files,
  beside: Files,
): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const step = stepName(at);
  const bytes = (text: string) => new TextEncoder().encode(text);
  const saved = [...files].filter(([file]) => file !== LOG);
  const lines = saved.map(([file, content]) => ({
    name: file,
    size: content.length,
    sha256: new Sha256().update(content).hex(),
  }));
  const log = files.get(LOG) ?? bytes('');
  const entries: ZipEntry[] = [
    ...saved.map(([file, content]) => ({ path: `${step}/${file}`, bytes: content })),
    { path: `${step}/${manifestName}`, bytes: bytes(manifestText(at, lines)) },
    { path: 'last', bytes: bytes(`${step}\n`) },
    { path: 'best', bytes: bytes(`${step}\n`) },
    { path: LOG, bytes: log },
    { path: 'samples.txt', bytes: bytes(samplesOf(log)) },
    ...[...beside].map(([path, content]) => ({ path, bytes: content })),
  ];
  const folder = `${name}-${at}`;
  return {
    name: `${folder}.zip`,
    bytes: writeZip(entries.map(({ path, bytes: content }) => ({ path: `${folder}/${path}`, bytes: content }))),
  };
}

/** samples.txt as the command line writes it. */
function samplesOf(log: Uint8Array): string {
  const lines = eventsOf(log).map((event) =>
    event.event === 'sample' ? `--- step ${event.step}\n${event.text}\n\n` : '',
  );
  return lines.join('');
}

/**
 * The newest whole save of a run folder, given as its files or as one .zip.
 * @throws InputError where there is none, where its text is missing, and for damaged files
 */
export async function importRun(given: readonly RunFile[]): Promise<Found> {
  const [only] = given;
  const zipped = given.length === 1 && /\.zip$/i.test(only!.path);
  const files = zipped ? await readZip(only!.path, only!.bytes) : given;
  const steps = new Map<number, Map<string, Uint8Array<ArrayBuffer>>>();
  const beside = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { path, bytes } of files) {
    const [name = '', folder = ''] = path.split('/').reverse();
    const step = stepOf(folder);
    const content = bytes as Uint8Array<ArrayBuffer>;
    if (step === undefined) beside.set(name, content);
    else if (isFileName(name) || name === manifestName)
      steps.set(step, (steps.get(step) ?? new Map()).set(name, content));
  }
  let reason = 'no folder such as step-000200';
  for (const [step, saved] of [...steps].sort(([a], [b]) => b - a)) {
    const fault = faultOf(step, saved);
    if (fault !== null) {
      reason = `${stepName(step)}: ${fault}`;
      continue;
    }
    const log = beside.get(LOG);
    if (log) saved.set(LOG, cutBack(log, step));
    const { state } = readSave(saved);
    if (isLesson({ state }))
      throw new InputError(
        `import: found a lesson (${String(state.settings.get('task'))}), expected a run that learns a text. Load its model, or go on with it by npm run finetune -- --resume.`,
      );
    return { id: null, state, files: saved, text: textOf(state, beside), savedAt: null };
  }
  throw new InputError(
    `import: found ${reason}, expected a run folder with a whole save. Open the .zip of a whole folder.`,
  );
}

/** null for a save that is as it was written, to the byte. */
export function faultOf(step: number, saved: Map<string, Uint8Array>): string | null {
  const manifest = readManifest(new TextDecoder().decode(saved.get(manifestName)));
  if (manifest?.step !== step) return `${manifestName} is missing or damaged`;
  for (const { name, size, sha256 } of manifest.lines) {
    const bytes = saved.get(name);
    if (!bytes) return `${name} is missing`;
    if (bytes.length !== size || new Sha256().update(bytes).hex() !== sha256) return `${name} is not as it was saved`;
  }
  saved.delete(manifestName);
  return null;
}

/** Of a log that goes on after the save only what was before. */
function cutBack(log: Uint8Array, step: number): Uint8Array<ArrayBuffer> {
  const before = eventsOf(log).filter((event) => event.event !== 'end' && (!('step' in event) || event.step <= step));
  return linesOf(before);
}

/** The run's own text among the files beside its saves; null where it learns from the book. */
function textOf(state: Found['state'], beside: Files): string | null {
  const data = state.settings.get('data');
  if (data === null || data === undefined) return null;
  for (const bytes of beside.values())
    if (new Sha256().update(bytes).hex() === state.dataHash) return new TextDecoder().decode(bytes);
  throw new InputError(
    `import: found no file with the text of this run (${String(data)}), expected it in the folder. Put it there, and open the folder's .zip again.`,
  );
}
