// The other side of deno.ts: started by Deno, reads its task, runs the entry, writes messages to standard output.

import { text } from 'node:stream/consumers';
import { type DenoTask, mark } from './deno.ts';
import { type EntryMain, runMain } from './entry.ts';
import { readFileOf } from './files.ts';

const { entry, args, files } = JSON.parse(await text(process.stdin)) as DenoTask;
await runMain(
  () => import(entry) as Promise<{ main: EntryMain }>,
  args,
  readFileOf(files ?? undefined),
  (message) => console.log(mark + JSON.stringify(message)),
);
// An open GPU device or a timer of the entry must not keep the process.
process.exit(0);
