// What a question about a run is answered from: the run as it stands, and what is made to look into it, which is kept between questions
// and given back when nobody looks any more.
import type {
  AnyTrainer,
  Batch,
  Classifier,
  Compiled,
  Device,
  LanguageModel,
  Machine,
  Tokenizer,
} from '../../../src/index.ts';

/** A run as it is looked at: nothing of it may be changed. */
export interface LookedAt {
  readonly machine: Machine;
  /** null for the twin. */
  readonly device: Device | null;
  /** What is trained, with the adapter where there is one, without a classifier's scores. */
  readonly model: LanguageModel;
  readonly trainer: AnyTrainer;
  readonly tokenizer: Tokenizer;
  /** How values are stored between layers. */
  readonly dtype: 'f32' | 'f16';
  /** The longest text that is looked at, tokens. */
  readonly context: number;
  /** The text that every look begins with: the same at every step. */
  readonly example: string;
  /** What says which class a text has, of a run that teaches classes; it is the model with scores over it. */
  readonly classifier?: Classifier;
  /** Writes its sample, with its own prompt and seed; left out where a run gives none. */
  sample?(stop: () => boolean): Promise<string>;
  /** The batches that the next step will train on; they stay the next. */
  peek(): readonly Batch[];
  /** Of a step, from 1. */
  learningRate(step: number): number;
}

export class Look {
  readonly run: LookedAt;
  /** The step that the machine has reached: its weights are those after it. */
  readonly step: number;
  readonly #kept: Map<string, { release(): void }>;
  /** Whether the question has been cancelled: asked between pieces of long work. */
  readonly stopped: () => boolean;

  constructor(run: LookedAt, step: number, kept: Map<string, { release(): void }>, stopped: () => boolean) {
    [this.run, this.step, this.#kept, this.stopped] = [run, step, kept, stopped];
  }

  /** What `make` gives, made once for this run and kept until nobody looks any more. Not for what holds values of a step. */
  keep<T extends { release(): void } = Compiled>(key: string, make: () => T): T {
    let found = this.#kept.get(key) as T | undefined;
    if (!found) this.#kept.set(key, (found = make()));
    return found;
  }

  /** The ids of a text, cut to the context; of '' those of the run's example. @throws InputError for characters that it has no token for */
  ids(text: string): number[] {
    const { tokenizer, context, example } = this.run;
    return tokenizer.encode(text === '' ? example : text).slice(0, context);
  }

  /** Each token as text. */
  shown(ids: readonly number[]): string[] {
    const decoder = this.run.tokenizer.decoder();
    return ids.map((id) => decoder.push(id));
  }
}
