// Running an entry in Deno, which comes by npm: a child process that reads its arguments from standard input and answers in lines.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InputError, RunError } from '../../errors.ts';
import { type EntryMessage, Inbox, type RunOptions, type RunResult } from './entry.ts';

/** Before a message; other lines are what the entry wrote to its console. */
export const mark = '\u001e';

/** What the runner gets to know on standard input. */
export interface DenoTask {
  entry: string;
  args: unknown;
  files: string | null;
}

/**
 * The `deno` program of the npm package. Not its `bin.cjs`: that starts another process, which would outlive a kill.
 * @throws InputError with the install line where it is missing
 */
export function denoProgram(): string {
  const require = createRequire(import.meta.url);
  try {
    const folder = path.dirname(require.resolve('deno/package.json'));
    const program = path.join(folder, process.platform === 'win32' ? 'deno.exe' : 'deno');
    if (existsSync(program)) return program;
    // Install scripts are off, so the first use puts the program in its place, as `bin.cjs` does.
    return (require('deno/install_api.cjs') as { runInstall(): string }).runInstall();
  } catch {
    throw new InputError(
      'deno: not installed, expected the npm package. Install it: npm install --save-dev deno@2.9.6',
    );
  }
}

/** See `runIn`. */
export async function runInDeno(entryFile: string, args: unknown, options: RunOptions = {}): Promise<RunResult> {
  const program = denoProgram();
  const runner = fileURLToPath(import.meta.url).replace(/deno(\.[jt]s)$/, 'deno_runner$1');
  const inbox = new Inbox('Deno', options);
  const child = spawn(program, ['run', '-A', '--quiet', '--no-lock', runner], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const task: DenoTask = {
    entry: pathToFileURL(path.resolve(entryFile)).href,
    args: args ?? null,
    files: options.files ?? null,
  };
  child.stdin.on('error', () => {}); // it ended early, which its exit code tells
  child.stdin.end(JSON.stringify(task));

  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaints = (complaints + bytes.toString()).slice(-4000);
    if (!options.quiet) process.stderr.write(bytes);
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (line.startsWith(mark)) inbox.receive(JSON.parse(line.slice(mark.length)) as EntryMessage);
    else if (!options.quiet) process.stderr.write(`${line}\n`);
  });
  child.on('error', (error) => inbox.fail(new RunError(`deno: did not start (${error.message}).`)));
  child.on('close', (code, signal) => {
    const said = complaints.trim() ? ` Its last words:\n${complaints.trim()}` : '';
    inbox.fail(new RunError(`deno: ended without a result (${signal ?? `exit code ${code}`}).${said}`));
  });
  try {
    return await inbox.done;
  } finally {
    if (child.exitCode === null) child.kill();
  }
}
