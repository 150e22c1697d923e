// The models that there are to go on with: what the first chapter trained, what was loaded, and what the last lesson made.
import { InputError } from '../../src/index.ts';
import type { ShelfId, ShelfModel } from '../protocol/lessons.ts';
import type { News } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';

/** Which there are, as the page is told. */
export class Shelf {
  readonly #send: (news: News) => void;
  readonly #models = new Map<ShelfId, ShelfModel>();

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  put(model: ShelfModel): void {
    const { id, name } = model;
    if (this.#models.get(id)?.name === name && id === 'trained') return;
    this.#models.set(id, model);
    this.#tell();
  }

  remove(id: ShelfId): void {
    if (this.#models.delete(id)) this.#tell();
  }

  /** @throws InputError where it is not there */
  get(id: ShelfId): ShelfModel {
    const found = this.#models.get(id);
    if (found) return found;
    const advice = id === 'loaded' ? 'Drop a folder first.' : 'Take another one.';
    throw new InputError(`base: found no model that was ${id}, expected one on the shelf. ${advice}`);
  }

  #tell(): void {
    this.#send({ type: 'shelf', models: [...this.#models.values()] });
  }
}

/** The model of the first chapter, as its run has it at a step. */
export function trainedModel(run: Pick<AnyRun, 'looked' | 'modelParts'>, text: string, step: number): ShelfModel {
  const { model, tokenizer } = run.looked;
  const { config } = model;
  const parts = run.modelParts();
  return {
    id: 'trained',
    name: `${text}, step ${step}`,
    family: config.family,
    parameters: parts.reduce((sum, { bytes }) => sum + bytes / 4, 0),
    ...{ layers: config.nLayer, width: config.nEmbd, context: config.blockSize, vocabSize: config.vocabSize },
    tokenizer: tokenizer.kind,
    ...{ chats: false, adapter: false, parts, notes: [] },
  };
}
