// Models of the Hugging Face hub by name: fetched once into the cache that Hugging Face's own libraries use, in its layout, so that
// what one has fetched the other finds. The library knows the hub's addresses; resuming, hashes and the stop are here.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { InputError, RunError } from '../errors.ts';
import { makeFolders } from '../make_folders.ts';
import { codeOf, diskLayer, systemError } from './files.ts';
import { downloadFile, type HubFile, reasonOf } from './hub_file.ts';
import { type HubFiles, isWhole, wanted } from './hub_files.ts';
import { quoted } from './json.ts';
import { machineProcesses, takeLock } from './lock.ts';

/** Git's name of a commit. */
const COMMIT = /^[0-9a-f]{40}$/;

export type { HubFiles } from './hub_files.ts';

export interface HubPlace {
  /** `owner/name` */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** `owner/name` or `owner/name@revision`; null for anything else. */
export function hubPlace(text: string): HubPlace | null {
  const found = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w][\w./-]*))?$/.exec(text);
  return found && !text.includes('..') ? { name: found[1]!, revision: found[2] ?? 'main' } : null;
}

export interface HubOptions {
  /** `https://huggingface.co` or a mirror of it. */
  endpoint: string;
  /** Its cache. */
  cacheFolder: string;
  /** Nothing is fetched; what the cache has is used. */
  offline: boolean;
  /** For models that ask who is there. */
  token: string | undefined;
}

/** As Hugging Face's libraries read them: HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_HUB_OFFLINE, HF_TOKEN. */
export function hubOptions(env: Readonly<Record<string, string | undefined>>): HubOptions {
  const home = env.HF_HOME || path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'huggingface');
  return {
    endpoint: (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
    cacheFolder: env.HF_HUB_CACHE || path.join(home, 'hub'),
    offline: /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    token: env.HF_TOKEN || undefined,
  };
}

export interface HubProgress {
  /** Bytes that are here, of those of all files. */
  readonly done: number;
  readonly total: number;
  /** Of these, those that this download brought. */
  readonly fetched: number;
  readonly file: string;
}

/**
 * The folder of a model from the hub, fetched where the cache lacks it.
 * @param which of its files
 * @returns null where `stop` said so; the next call goes on from there
 * @throws InputError for a model that is not there, not public or has no safetensors; RunError where the hub cannot be reached and the
 *   cache has no whole copy, and for downloads that fail
 */
export async function fetchFromHub(
  place: HubPlace,
  options: HubOptions,
  { onProgress, note, stop }: { onProgress(progress: HubProgress): void; note(line: string): void; stop(): boolean },
  which: HubFiles = 'model',
): Promise<string | null> {
  const store = path.join(options.cacheFolder, `models--${place.name.replace('/', '--')}`);
  if (options.offline) return cached(store, place, which, 'HF_HUB_OFFLINE is set');
  let commit: string;
  let files: HubFile[];
  try {
    ({ commit, files } = await listModel(place, options, which));
  } catch (error) {
    if (error instanceof InputError || error instanceof RunError) throw error;
    const why = `${options.endpoint} cannot be reached (${reasonOf(error)}): this machine seems to be offline`;
    const folder = cached(store, place, which, why);
    note(`${why}; the copy in the cache is used: ${folder}`);
    return folder;
  }
  try {
    return await fill({ place, commit, store, options, onProgress, stop }, files);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new RunError(
      `${store}: the cache cannot be written: ${systemError(error)}. Make room there, or name another place by HF_HOME.`,
      { cause: error },
    );
  }
}

/** @returns the folder with the files in it, null where it was stopped   @throws as fetchFromHub, and the system's errors */
async function fill(fetch: Omit<Fetch, 'snapshot'>, files: readonly HubFile[]): Promise<string | null> {
  const { place, commit, store } = fetch;
  const snapshot = path.join(store, 'snapshots', commit);
  for (const folder of [path.join(store, 'blobs'), path.join(store, 'refs'), snapshot]) makeFolders(folder);
  const unlock = takeLock(diskLayer, store, machineProcesses());
  try {
    if (!(await fetchAll(files, { ...fetch, snapshot }))) return null;
    if (!COMMIT.test(place.revision)) {
      const ref = path.join(store, 'refs', ...place.revision.split('/'));
      makeFolders(path.dirname(ref));
      fs.writeFileSync(ref, commit);
    }
    return snapshot;
  } finally {
    unlock();
  }
}

/** The copy that is here. @throws RunError where there is none, or it is not whole */
function cached(store: string, { name, revision }: HubPlace, which: HubFiles, why: string): string {
  const ref = path.join(store, 'refs', ...revision.split('/'));
  const commit = COMMIT.test(revision) ? revision : fs.existsSync(ref) ? fs.readFileSync(ref, 'utf8').trim() : null;
  const folder = commit && COMMIT.test(commit) ? path.join(store, 'snapshots', commit) : null;
  if (folder && isWhole(folder, which)) return folder;
  throw new RunError(
    `${name}: ${why}, and the cache has no whole copy (${store}). Name a local folder, or a mirror by HF_ENDPOINT.`,
  );
}

/** What of a model is wanted, at one commit. */
async function listModel(
  { name, revision }: HubPlace,
  { endpoint: hubUrl, token }: HubOptions,
  which: HubFiles,
): Promise<{ commit: string; files: HubFile[] }> {
  const { modelInfo, listFiles, HubApiError } = await import('@huggingface/hub');
  const asked = { hubUrl, ...(token && { accessToken: token }) };
  try {
    const { sha } = await modelInfo({ ...asked, name, revision, additionalFields: ['sha'] });
    if (!COMMIT.test(sha))
      throw new RunError(`${name}: the hub gave ${quoted(String(sha))} for a commit. Try another HF_ENDPOINT.`);
    const files = new Map<string, HubFile>();
    for await (const { type, path: file, size, oid, lfs } of listFiles({ ...asked, repo: name, revision: sha })) {
      if (type !== 'file') continue;
      const hash = lfs ? ({ kind: 'sha256', hex: lfs.oid } as const) : ({ kind: 'git', hex: oid ?? '' } as const);
      // It becomes a file's name in the cache.
      if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash.hex))
        throw new RunError(
          `${name}: ${quoted(file)}: the hub gave ${quoted(hash.hex)} for a hash. Try another HF_ENDPOINT.`,
        );
      files.set(file, { path: file, size: lfs?.size ?? size, hash });
    }
    return { commit: sha, files: wanted(name, files, which) };
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    if (![401, 403, 404].includes(error.statusCode))
      throw new RunError(`${name}: ${hubUrl} answered with status ${error.statusCode}. Try again later.`, {
        cause: error,
      });
    throw new InputError(
      `${name}: found no such model at ${hubUrl}${revision === 'main' ? '' : ` with revision ${quoted(revision)}`} (status ${error.statusCode}), expected one that is public, or HF_TOKEN set to a token that may read it. Check the name.`,
      { cause: error },
    );
  }
}

interface Fetch {
  place: HubPlace;
  commit: string;
  snapshot: string;
  store: string;
  options: HubOptions;
  onProgress(progress: HubProgress): void;
  stop(): boolean;
}

/** @returns false where it was stopped */
async function fetchAll(files: readonly HubFile[], fetch: Fetch): Promise<boolean> {
  const { place, commit, snapshot, store, options, onProgress, stop } = fetch;
  const hub = await import('@huggingface/hub');
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let [done, fetched] = [0, 0];
  for (const file of files) {
    const target = path.join(snapshot, file.path);
    if (fs.statSync(target, { throwIfNoEntry: false })?.size === file.size) {
      done += file.size;
      continue;
    }
    const blob = path.join(store, 'blobs', file.hash.hex);
    if (!fs.existsSync(blob)) {
      const open = async (from: number) => {
        const lazy = await hub.downloadFile({
          repo: place.name,
          path: file.path,
          revision: commit,
          hubUrl: options.endpoint,
          // Plain ranges can be gone on with.
          xet: false,
          ...(options.token && { accessToken: options.token }),
        });
        if (!lazy) throw new RunError(`${file.path}: the hub lists it and does not have it. Try again later.`);
        return (from > 0 ? lazy.slice(from) : lazy).stream() as ReadableStream<Uint8Array>;
      };
      let first = true;
      const onBytes = (count: number) => {
        done += count;
        if (!first) fetched += count;
        first = false;
        onProgress({ done, total, fetched, file: file.path });
      };
      if (!(await downloadFile(file, blob, open, onBytes, stop))) return false;
    }
    link(blob, target);
  }
  return true;
}

/** As Hugging Face's libraries do it; where links are not allowed, the file itself. */
function link(blob: string, target: string): void {
  fs.rmSync(target, { force: true });
  try {
    fs.symlinkSync(path.relative(path.dirname(target), blob), target);
  } catch {
    fs.renameSync(blob, target);
  }
}
