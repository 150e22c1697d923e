// The commands as people start them: child processes in Node or Deno, their lines as objects, and signals at the right moment.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { denoProgram } from '../../src/cli/elsewhere/deno.ts';
import { text } from './tiny_training.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Loaded into the program itself: tsx's own command is a second process, which on a busy machine ends before the one that it passes a signal on to. */
const tsx = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;

/** Tests of whole commands share one adapter with Deno, where there is one that both have. */
export const adapter = process.env.SHADERFORMER_ADAPTER ?? (process.platform === 'linux' ? 'swiftshader' : undefined);
export const adapterWords: readonly string[] = adapter === undefined ? [] : ['--adapter', adapter];

export interface Line {
  event?: string;
  step?: number;
  [key: string]: unknown;
}

export interface Ended {
  code: number | null;
  lines: Line[];
  stdout: string;
  stderr: string;
}

export interface Start {
  home?: 'node' | 'deno';
  /** What goes to standard input. */
  input?: string;
  /** Sent at the first line of this event. */
  signal?: { name: 'SIGINT' | 'SIGTERM'; at: string };
}

/** Starts `scripts/NAME.ts` with these words and --json, and waits for its end. */
export async function start(
  name: string,
  words: readonly string[],
  { home = 'node', input = '', signal }: Start = {},
): Promise<Ended> {
  const script = path.join(root, `scripts/${name}.ts`);
  const all = [...words, ...adapterWords, '--json'];
  const child =
    home === 'node'
      ? spawn(process.execPath, ['--import', tsx, script, ...all])
      : spawn(denoProgram(), ['run', '-A', '--quiet', '--no-lock', script, ...all]);
  let [stdout, stderr] = ['', ''];
  let sent = false;
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
    if (!signal || sent || !stdout.includes(`"event":"${signal.at}"`)) return;
    sent = true;
    child.kill(signal.name);
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return { code, lines, stdout, stderr };
}

/** A folder for one test file, with a text of a few hundred characters in it. */
export function scratchFolder(): { folder: string; data: string; at(name: string): string; remove(): void } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shaderformer-commands-'));
  const at = (name: string) => path.join(folder, name);
  fs.writeFileSync(at('text.txt'), text.repeat(3));
  return { folder, data: at('text.txt'), at, remove: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** Every file below a folder with its size and time: what "nothing was written" is judged by. */
export function listing(folder: string): string[] {
  return (fs.readdirSync(folder, { recursive: true }) as string[])
    .sort()
    .map((name) => `${name} ${fs.statSync(path.join(folder, name)).size}`);
}

const TINY = { layers: 1, heads: 2, width: 16, context: 16, batch: 2 };

/** Flags of a run of a second or two, those in `but` instead of its own. */
export function tiny(but: readonly string[] = []): string[] {
  const own = Object.entries(TINY).filter(([name]) => !but.includes(`--${name}`));
  return [...own.flatMap(([name, value]) => [`--${name}`, `${value}`]), ...but];
}
