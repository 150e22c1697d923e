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
import { eventsOf, linesOf } from './log_lines.ts';
import type { PageRun } from './run.ts';
import { type Found, readSave } from './saves.ts';
import { textFileName } from './text.ts';

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const LOG = 'metrics.jsonl';

/** The files that a save of the run would have now. It holds meanwhile. */
export async function heldFiles(run: PageRun): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, content] of await run.files(run.progress)) {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of content instanceof Uint8Array ? [content] : content) chunks.push(chunk.slice());
    files.set(name, new Uint8Array(await new Blob(chunks).arrayBuffer()));
  }
  return files;
}

/** @param files of a save, its log among them */
export function exportRun(files: Files, own: OwnText | null): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const { state } = readSave(files as Map<string, Uint8Array<ArrayBuffer>>);
  const step = stepName(state.step);
  const name = own ? textFileName(own.name).replace(/\.txt$/, '') : 'moby';
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
    { path: `${step}/${manifestName}`, bytes: bytes(manifestText(state.step, lines)) },
    { path: 'last', bytes: bytes(`${step}\n`) },
    { path: 'best', bytes: bytes(`${step}\n`) },
    { path: LOG, bytes: log },
    { path: 'samples.txt', bytes: bytes(samplesOf(log)) },
    ...(own ? [{ path: textFileName(own.name), bytes: bytes(own.text) }] : []),
  ];
  const folder = `${name}-${state.step}`;
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
    return { id: null, state, files: saved, text: textOf(state, beside), savedAt: null };
  }
  throw new InputError(
    `import: found ${reason}, expected a run folder with a whole save. Open the .zip of a whole folder.`,
  );
}

/** null for a save that is as it was written, to the byte. */
function faultOf(step: number, saved: Map<string, Uint8Array>): string | null {
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
