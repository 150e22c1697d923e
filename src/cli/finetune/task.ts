// What makes one task of finetune differ from another, seen from the command: its flags, its rows, its model, and what it tells.

import type { Scalar, Scalars, TrainingState } from '../../checkpoint/training_state.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { Trainable } from '../../nn/model.ts';
import type { Device } from '../../runtime/device.ts';
import type { TaskRows } from '../../tasks/rows.ts';
import type { Task } from '../../tasks/task.ts';
import type { EndEvent } from '../../train/events.ts';
import type { TrainingSettings } from '../../train/settings.ts';
import type { Weights } from '../../train/step.ts';
import type { AnyTrainer, PlannedShapes } from '../../train/training.ts';
import type { CommandContext } from '../command.ts';
import type { RunData, RunModel } from '../training_run.ts';
import type { AnyConfig, Architecture, Beginning } from './beginning.ts';
import type { FinetuneFlags } from './flags.ts';
import type { FinetuneSettings, OwnSettings, TaskName } from './settings.ts';

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

/** How dropout and storage are asked for of a model. */
export type ForwardSettings = Required<Pick<TrainingSettings, 'recompute' | 'dtype' | 'labelSmoothing'>> & {
  dropout: { p: number; seed: number } | undefined;
};

/** A model, and how it is trained and measured. */
export interface TaskModel {
  readonly model: Trainable;
  readonly task: Task<never>;
  readonly evaluation: Task<never>;
}

/** A run that has been made, before its weights are there. */
export interface MadeRun {
  readonly device: Device;
  /** What the weights of the model go into that the run begins from: without an adapter, and without a task's own part. */
  readonly base: Trainable;
  readonly model: TaskModel;
  readonly trainer: AnyTrainer;
  readonly settings: FinetuneSettings;
}

/** The model that a run began from, as a checkpoint of an adapter needs it. */
export interface Origin {
  /** What adapter_config.json calls it. */
  readonly name: string;
  /** Puts its weights there, which stand in no checkpoint. */
  load(): Promise<void>;
}

/** Rows that were read and refused or kept; nothing is on a device yet. The task decides what model learns from them. */
export interface OpenedTask<R extends MadeRun = MadeRun> {
  /** What the run is called. */
  readonly name: string;
  /** Rows of an epoch; null where it has none (random windows). */
  readonly epochRows: number | null;
  /** Of batches that are not all of equally many rows: those of an epoch, and the most rows that one has. Default: `settings.batch` rows each. */
  epoch?(settings: FinetuneSettings): { readonly batches: number; readonly rows: number };
  /** What a checkpoint keeps of the data. */
  readonly remembered: Readonly<Record<string, Scalar>>;
  /** Rows as they are trained on, to be looked at; null for windows of a text. */
  readonly shown: TaskRows | null;
  /** Of what stands in front of what is trained on, where it is another. */
  readonly sourceTokenizer?: Tokenizer;
  /** One of them is worth a look unasked: not all of its tokens are trained on. */
  readonly usuallyShown: boolean;
  /** Everything that the run trains, its first values but those of files included. Nothing is allocated. @throws InputError */
  make(device: Device, settings: FinetuneSettings, seed: number): R;
  /** How it stands in a checkpoint. */
  kept(made: R, origin: Origin): RunModel;
  shapes(settings: FinetuneSettings, made: R): PlannedShapes;
  data(settings: FinetuneSettings, seed: number): RunData;
  /**
   * What is left to do once the weights are there that a new run begins with.
   * @returns what a checkpoint is to remember of it
   */
  begin?(made: R): Promise<Readonly<Record<string, Scalar>>>;
  /** Of what a saved run remembered that which begin() gave. */
  begun?(saved: Scalars): Readonly<Record<string, Scalar>>;
  /** The same where a run goes on. @param path its step folder */
  goOn?(made: R, path: string): Promise<void>;
  /** See TrainingRun.figures. */
  figures?(made: R, weights: Weights, stop: () => boolean): Promise<Readonly<Record<string, number>>>;
  sample(made: R, stop: () => boolean): Promise<string>;
  firstLoss(loss: number): string | null;
  finish?(made: R, folder: string): Promise<Pick<EndEvent, 'validation' | 'test'>>;
  /** A line of what can be done with the result. */
  next(folder: string): string;
  close?(): void;
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
  open(request: TaskRequest<C>): Promise<OpenedTask>;
}
