// What a run asks of its data and of its model, whatever they are.
import type { Batch } from '../autograd/machine.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { KeptModel } from './checkpoint_files.ts';
import type { Json } from './events.ts';
import type { SavedWeights } from './saved_weights.ts';

/** A loss that words can be put to. */
export interface Reference {
  /** words: "guessing", "letter pairs" */
  readonly label: string;
  readonly value: number;
}

/** What a run learns from. */
export interface RunData {
  /** SHA-256, hex: a run is gone on with on this data only. */
  readonly hash: string;
  readonly tokenizer: Tokenizer;
  /** For the start event. */
  readonly dataset: { readonly [key: string]: Json };
  /** What a loss is the mean of. Default: nats a token. */
  readonly unit?: string;
  /** Tokens of a step, for the speed that is told. */
  readonly tokensPerStep: number;
  /** Which batches come next: plain JSON, its `step` the batches drawn. */
  readonly sampler: { state(): { step: number }; restore(state: never): void };
  /** The batches of the next step. */
  next(): Batch[];
  /** The whole validation part, and about as much of the train part as is worth the time. */
  validationBatches(): Iterable<Batch>;
  trainBatches(): Iterable<Batch>;
  /** Losses that words can be put to, the first what guessing costs; asked for once. */
  references(): readonly Reference[];
}

/** What is trained, as checkpoints keep it. */
export interface RunModel extends KeptModel {
  /** Brings it to where a checkpoint has it. @throws InputError for one that lacks it */
  load(saved: SavedWeights): Promise<void>;
}
