// The manifest of a checkpoint, by which a reader knows that every file is there as it was saved, and the names of step folders.
// Pure: disks and browsers keep their checkpoints by it.
import { compareUtf8 } from './hash.ts';
import { type JsonValue, parseJson } from './json.ts';

export const manifestName = 'manifest.json';
/** Averaged weights, beside the trained ones. */
export const averageName = 'ema.safetensors';

/** What a file of a checkpoint holds, whole or piece by piece. */
export type FileContent = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface ManifestLine {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Manifest {
  step: number;
  lines: ManifestLine[];
}

/** Names that a file of a checkpoint may have. */
export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9][\w.-]*$/.test(name) && name !== manifestName;
}

/** `step-000430`. Six digits keep a listing in order; longer numbers simply are longer. */
export function stepName(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

/** The step of a folder's name, or undefined for any other name. */
export function stepOf(name: string): number | undefined {
  const step = Number(/^step-(\d{6,15})$/.exec(name)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(step) && stepName(step) === name ? step : undefined;
}

/** Canonical on purpose: a reader compares the whole text, so that no flipped bit of it goes unnoticed. */
export function manifestText(step: number, lines: readonly ManifestLine[]): string {
  const sorted = [...lines].sort((a, b) => compareUtf8(a.name, b.name));
  const files = sorted.map(({ name, size, sha256 }) => `    "${name}": { "size": ${size}, "sha256": "${sha256}" }`);
  return `{\n  "version": 1,\n  "step": ${step},\n  "files": {\n${files.join(',\n')}\n  }\n}\n`;
}

/** null for a text that is not to the letter what `manifestText` writes. */
export function readManifest(text: string): Manifest | null {
  let root: JsonValue;
  try {
    root = parseJson(text, manifestName);
  } catch {
    return null;
  }
  if (!(root instanceof Map)) return null;
  const step = root.get('step');
  const files = root.get('files');
  if (typeof step !== 'number' || !(files instanceof Map)) return null;
  const lines: ManifestLine[] = [];
  for (const [name, entry] of files) {
    const size = entry instanceof Map ? entry.get('size') : undefined;
    const sha256 = entry instanceof Map ? entry.get('sha256') : undefined;
    if (typeof size !== 'number' || typeof sha256 !== 'string') return null;
    lines.push({ name, size, sha256 });
  }
  return manifestText(step, lines) === text && lines.every(({ name }) => !name.includes('/')) ? { step, lines } : null;
}
