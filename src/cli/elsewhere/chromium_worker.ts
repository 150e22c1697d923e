// The other side of chromium.ts: in the worker, waits for the arguments, runs the entry, posts messages. Pure, as all that a page loads.

import { InputError } from '../../errors.ts';
import { type EntryMain, type EntryMessage, runMain } from './entry.ts';

/** Runs the entry that `load` gives at the worker's first message. */
export function serveMain(load: () => Promise<{ main: EntryMain }>): void {
  const worker = globalThis as unknown as {
    onmessage: (event: { data: unknown }) => void;
    postMessage(message: EntryMessage): void;
  };
  worker.onmessage = ({ data }) => {
    runMain(load, data, fetchFile, (message) => worker.postMessage(message));
  };
}

async function fetchFile(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`/files/${name.split('/').map(encodeURIComponent).join('/')}`);
  if (!response.ok) throw new InputError(await response.text());
  return new Uint8Array(await response.arrayBuffer());
}
