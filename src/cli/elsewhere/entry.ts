// What a program looks like that runs unchanged in Node, Deno and Chromium, and how its messages travel home.

import { InputError, RunError } from '../../errors.ts';

export type Where = 'node' | 'deno' | 'chromium';

/** What the place where an entry runs gives it. */
export interface EntryTools {
  /** One line for whoever started it: collected, and passed on at once. */
  print(line: string): void;
  /** A file of the folder that the starter named (`files`). */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** An entry file exports `main`. Arguments and result travel as JSON. In Chromium it must reach no `node:` module. */
export type EntryMain = (args: unknown, tools: EntryTools) => unknown;

export interface RunOptions {
  /** The folder that `tools.readFile` reads. Without it there is nothing to read. */
  files?: string | undefined;
  /** Called with each line as it comes. */
  onLine?: ((line: string) => void) | undefined;
  /** True: what the entry writes to its console is not passed on to standard error. */
  quiet?: boolean | undefined;
  /** After so many seconds the run counts as hung. Default 900. */
  timeoutSeconds?: number | undefined;
}

export interface RunResult {
  lines: string[];
  /** What `main` returned; null for nothing. */
  result: unknown;
}

/** What comes from another process: lines, and in the end one of the two others. */
export type EntryMessage =
  | { line: string }
  | { result: unknown }
  | { error: { name: string; message: string; stack?: string } };

/** Runs `main` and tells everything by `send`. Never rejects. */
export async function runMain(
  load: () => Promise<{ main: EntryMain }>,
  args: unknown,
  readFile: EntryTools['readFile'],
  send: (message: EntryMessage) => void,
): Promise<void> {
  try {
    const { main } = await load();
    send({ result: (await main(args, { print: (line) => send({ line }), readFile })) ?? null });
  } catch (error) {
    const { name = 'Error', message = String(error), stack = '' } = error as Partial<Error>;
    send({ error: { name, message, stack } });
  }
}

/** Collects the messages of one run; `done` is its result, or its error as the class that it had there. */
export class Inbox {
  readonly done: Promise<RunResult>;
  #lines: string[] = [];
  #settle!: { resolve(result: RunResult): void; reject(error: Error): void };
  #onLine: RunOptions['onLine'];
  #timer: ReturnType<typeof setTimeout>;

  constructor(place: string, options: RunOptions) {
    this.#onLine = options.onLine;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const seconds = options.timeoutSeconds ?? 900;
    this.#timer = setTimeout(
      () => this.fail(new RunError(`${place}: no result after ${seconds} s; stopped.`)),
      seconds * 1000,
    );
    this.done.catch(() => {}).finally(() => clearTimeout(this.#timer));
  }

  receive(message: EntryMessage): void {
    if ('line' in message) {
      this.#lines.push(message.line);
      this.#onLine?.(message.line);
    } else if ('error' in message) {
      const { name, message: text, stack } = message.error;
      const error =
        name === 'InputError' ? new InputError(text) : name === 'RunError' ? new RunError(text) : new Error(text);
      if (stack) error.stack = stack;
      this.fail(error);
    } else this.#settle.resolve({ lines: this.#lines, result: message.result });
  }

  /** The run is over without a result. Changes nothing once there is one. */
  fail(error: Error): void {
    this.#settle.reject(error);
  }
}
