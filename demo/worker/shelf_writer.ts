// Who writes when a model of the shelf is asked, whatever runs: each request names its model, and the last one stays until nobody asks.
import type { ShelfId } from '../protocol/lessons.ts';
import type { Writer, Writers } from './any_run.ts';
import type { BaseCellar } from './base_cellar.ts';
import type { BaseModel } from './base_model.ts';
import { copiedGenerator } from './copied_model.ts';
import type { Home } from './home.ts';
import { textWriter } from './lesson_writers.ts';

export class ShelfWriter {
  readonly #bases: BaseCellar;
  #last: { base: BaseModel; home: Home; writer: Writer } | null = null;

  constructor(bases: BaseCellar) {
    this.#bases = bases;
  }

  /** @param own what the model of the run writes with, and which of the shelf that is   @throws InputError for one that is not there */
  async of(id: ShelfId, home: Home, own: { id: ShelfId; writers: Writers }): Promise<Writer> {
    // It is there, and younger than its save.
    if (id === own.id) return own.writers.tuned;
    const base = await this.#bases.get(id);
    if (this.#last?.base === base && this.#last.home === home) return this.#last.writer;
    this.rest();
    const writer = { ...textWriter(base, base.config.blockSize), ...copiedGenerator(home, base, 'f32') };
    this.#last = { base, home, writer };
    return writer;
  }

  rest(): void {
    this.#last?.writer.rest?.();
    this.#last = null;
  }
}
