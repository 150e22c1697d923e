// The same program in another home: Node, Deno or Chromium. For tests, and for commands that take `--in`.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInChromium } from './chromium.ts';
import { runInDeno } from './deno.ts';
import { type EntryMain, Inbox, type RunOptions, type RunResult, runMain, type Where } from './entry.ts';
import { readFileOf } from './files.ts';

/**
 * Runs `main(args, tools)` of an entry file and waits for its result. What it prints by `tools.print` comes back as lines; what it
 * writes to the console goes to standard error.
 * @param entryFile path of a .ts file @param args anything that JSON can carry
 * @throws InputError where the home is not installed; the error of `main`, an InputError or RunError as such
 */
export function runIn(where: Where, entryFile: string, args: unknown, options: RunOptions = {}): Promise<RunResult> {
  if (where === 'deno') return runInDeno(entryFile, args, options);
  if (where === 'chromium') return runInChromium(entryFile, args, options);
  return runInNode(entryFile, args, options);
}

/** In this process. */
export async function runInNode(entryFile: string, args: unknown, options: RunOptions = {}): Promise<RunResult> {
  const inbox = new Inbox('Node', options);
  const address = pathToFileURL(path.resolve(entryFile)).href;
  const load = () => import(/* @vite-ignore */ address) as Promise<{ main: EntryMain }>;
  await runMain(load, JSON.parse(JSON.stringify(args ?? null)), readFileOf(options.files), (message) =>
    inbox.receive(message),
  );
  return inbox.done;
}
