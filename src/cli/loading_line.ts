// The line of a job that reads a model's weights: how many bytes, how fast, how long still. Between parts the program sees signals.
import { elementsOf, type Weights } from '../checkpoint/weights.ts';
import { StoppedError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { byteText } from './format.ts';
import { RateLine } from './rate_line.ts';

/** Other work of the process (a signal, the line) gets its turn this often. */
const TURN_MS = 50;

export class LoadingLine {
  readonly #signal: CommandContext['signal'];
  readonly #line: RateLine;
  #turn = performance.now();

  constructor({ out, signal }: Pick<CommandContext, 'out' | 'signal'>, name: string) {
    this.#signal = signal;
    this.#line = new RateLine(out, name, byteText);
  }

  /** @param done bytes of `total`   @throws StoppedError once somebody asked to stop */
  async update(done: number, total: number): Promise<void> {
    this.#line.update(done, total);
    if (performance.now() - this.#turn >= TURN_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      this.#turn = performance.now();
    }
    if (this.#signal.requested) throw new StoppedError();
  }

  /** The same weights; whoever reads them moves the line. @param times how often all of them are read */
  watch(weights: Weights, times = 1): Weights {
    const width = weights.dtype === 'F32' ? 4 : 2;
    const total = times * width * weights.tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
    let done = 0;
    return {
      ...weights,
      read: async (name, from, to) => {
        const data = await weights.read(name, from, to);
        done += width * (to - from);
        await this.update(done, total);
        return data;
      },
    };
  }

  /** Takes the line away. */
  end(): void {
    this.#line.end();
  }
}
