// Lines of standard input, one at a time; at a terminal each is asked for.
import { createInterface } from 'node:readline';
import type { StopSignal } from './stop.ts';

/** Where a line is typed. */
const PROMPT = '> ';

export class TypedLines {
  #signal: StopSignal;
  #screen: NodeJS.WritableStream;
  #waiting: string[] = [];
  #piped: ReturnType<typeof createInterface> | null = null;
  #ended = false;
  #arrived: () => void = () => {};

  constructor(signal: StopSignal, screen: NodeJS.WritableStream) {
    this.#signal = signal;
    this.#screen = screen;
  }

  /** null at the end of the input, and where Ctrl-C came instead. */
  async next(): Promise<string | null> {
    if (process.stdin.isTTY) return this.#asked();
    this.#piped ??= this.#listen();
    while (this.#waiting.length === 0 && !this.#ended && !this.#signal.requested) {
      const arrival = new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
      await Promise.race([arrival, this.#signal.whenRequested]);
    }
    return this.#waiting.shift() ?? null;
  }

  #listen() {
    const lines = createInterface({ input: process.stdin });
    lines.on('line', (line) => {
      this.#waiting.push(line);
      this.#arrived();
    });
    lines.on('close', () => {
      this.#ended = true;
      this.#arrived();
    });
    return lines;
  }

  /** The terminal is read for one line only: in between, Ctrl-C is a signal as always. */
  #asked(): Promise<string | null> {
    const lines = createInterface({ input: process.stdin, output: this.#screen, terminal: true });
    return new Promise((resolve) => {
      const end = (line: string | null) => {
        resolve(line);
        lines.close();
      };
      lines.on('SIGINT', () => {
        this.#signal.request('SIGINT');
        this.#screen.write('\n');
        end(null);
      });
      lines.on('close', () => resolve(null));
      void this.#signal.whenRequested.then(() => end(null));
      lines.question(PROMPT, end);
    });
  }

  close(): void {
    this.#piped?.close();
    // A pipe that nobody reads any more would keep the program alive.
    process.stdin.pause();
  }
}
