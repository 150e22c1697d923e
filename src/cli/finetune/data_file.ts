// The file of rows that a run learns from: as it was typed, or where a saved run found it; and its hash.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { findText } from '../../data/text_source.ts';
import { InputError } from '../../errors.ts';
import { placeOf } from '../pretrain_data.ts';
import type { TaskRequest } from './task.ts';

/** @throws InputError for none, and for several */
export function dataFile({ flags, resumed, settings }: Pick<TaskRequest, 'flags' | 'resumed' | 'settings'>): string {
  const [file, second] = flags.data;
  if (second !== undefined)
    throw new InputError(
      `--data: found ${flags.data.length} files, expected one for --task ${settings.task}. Put their rows into one file.`,
    );
  const saved = resumed?.state.settings.get('data');
  const found =
    file ?? (typeof saved === 'string' ? placeOf(saved, resumed!.state.dataHash, resumed!.path) : undefined);
  if (found !== undefined) return found;
  throw new InputError(
    `--data: found nothing, expected a file of rows for --task ${settings.task}. For example: --data rows.jsonl`,
  );
}

/** SHA-256 over the bytes of a file, or of all files of a folder in their order; hex. @throws InputError as findText */
export function hashOfFile(file: string): string {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(2 ** 20);
  for (const each of findText(file).files) {
    const handle = fs.openSync(each, 'r');
    try {
      for (let n = fs.readSync(handle, chunk); n > 0; n = fs.readSync(handle, chunk)) hash.update(chunk.subarray(0, n));
    } finally {
      fs.closeSync(handle);
    }
  }
  return hash.digest('hex');
}
