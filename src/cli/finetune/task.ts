// What makes one task of finetune differ from another, seen from the command: its flags, its rows, its model, and what it tells.

import type { TrainingState } from '../../checkpoint/training_state.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { MadeRun, OpenedTask } from '../../finetune/opened.ts';
import type { OwnSettings } from '../../finetune/own_settings.ts';
import type { FinetuneSettings, TaskName } from '../../finetune/settings.ts';
import type { TrainingSettings } from '../../train/settings.ts';
import type { CommandContext } from '../command.ts';
import type { AnyConfig, Architecture, Beginning } from './beginning.ts';
import type { FinetuneFlags } from './flags.ts';

/** What a task asks for of the run that it is part of, before a device is opened. */
export interface TaskRequest<C extends AnyConfig = AnyConfig> {
  context: CommandContext;
  flags: FinetuneFlags;
  settings: FinetuneSettings;
  beginning: Beginning<C>;
  /** Of the model that is trained. */
  config: C;
  tokenizer: Tokenizer;
  /** Where it and a chat template lie; null where it was made for the data. */
  tokenizerDir: string | null;
  seed: number;
  resumed: { path: string; state: TrainingState } | null;
}

/** An opened task as the command shows it. */
export interface ShownTask<R extends MadeRun = MadeRun> extends OpenedTask<R> {
  /** Of what stands in front of what is trained on, where it is another. */
  readonly sourceTokenizer?: Tokenizer;
  /** One of the rows is worth a look unasked: not all of its tokens are trained on. */
  readonly usuallyShown: boolean;
  /** A line of what can be done with the result. */
  next(folder: string): string;
}

/** What there is to make a model from, where none is named. */
export interface NothingRequest extends Pick<TaskRequest, 'context' | 'flags' | 'seed'> {
  /** What was typed, and else the task's defaults. */
  settings: FinetuneSettings;
}

export interface FinetuneTask<C extends AnyConfig = AnyConfig> {
  readonly name: TaskName;
  /** What it trains. */
  readonly takes: Architecture;
  /** In a few words, for help. */
  readonly about: string;
  /** Its own flags, settings or not, by name. */
  readonly flags: readonly string[];
  /** Flags of all tasks that mean nothing here. */
  readonly without?: readonly string[];
  /** What it begins with where nothing is typed. */
  readonly defaults: Partial<TrainingSettings> & OwnSettings;
  /** Of these what depends on flags that are no settings, and on the model, if there is one. */
  ownDefaults?(flags: FinetuneFlags, config: C | null): Partial<TrainingSettings> & OwnSettings;
  /** Learning rate of an adapter. Default: LORA_RATE. */
  readonly loraRate?: number;
  /** Epochs of a run without --steps, --epochs or --minutes; null where there are steps among the defaults. */
  readonly epochs: number | null;
  /** Settings that are facts of a model, which a run has that goes on with it. */
  sizes?(config: C): OwnSettings;
  /** A model that is made for its data, and perhaps its tokenizer. Without this a run needs one that is named. @throws InputError as open */
  fromNothing?(request: NothingRequest): Promise<Beginning<C>>;
  /** @throws InputError for data that cannot be learned from */
  open(request: TaskRequest<C>): Promise<ShownTask>;
}
