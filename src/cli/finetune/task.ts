// What makes one task of finetune differ from another, seen from the command: its flags, its rows, its model, and what it tells.

import type { FileContent } from '../../checkpoint/manifest.ts';
import type { Scalar, Scalars, TrainingState } from '../../checkpoint/training_state.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { TokenGenerator } from '../../generate/generate.ts';
import type { ClassifierConfig } from '../../nn/classifier_config.ts';
import type { ModelConfig } from '../../nn/families.ts';
import type { LanguageModel, Trainable } from '../../nn/model.ts';
import type { Device } from '../../runtime/device.ts';
import type { TaskRows } from '../../tasks/rows.ts';
import type { Task } from '../../tasks/task.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { EndEvent } from '../../train/events.ts';
import type { TrainingSettings } from '../../train/settings.ts';
import type { AnyTrainer, PlannedShapes } from '../../train/training.ts';
import type { CommandContext } from '../command.ts';
import type { RunData } from '../training_run.ts';
import type { FinetuneFlags } from './flags.ts';
import type { FinetuneSettings, OwnSettings, TaskName } from './settings.ts';

/** What a task asks for of the run that it is part of, before a device is opened. */
export interface TaskRequest {
  context: CommandContext;
  flags: FinetuneFlags;
  settings: FinetuneSettings;
  /** Of the model that is trained. */
  config: ModelConfig;
  tokenizer: Tokenizer;
  /** Where it and a chat template lie. */
  tokenizerDir: string;
  seed: number;
  resumed: { path: string; state: TrainingState } | null;
}

/** How dropout and storage are asked for of a model. */
export type ForwardSettings = Required<Pick<TrainingSettings, 'recompute' | 'dtype' | 'labelSmoothing'>> & {
  dropout: { p: number; seed: number } | undefined;
};

/** A model with a task's own part on it. */
export interface TaskModel {
  readonly model: Trainable;
  readonly task: Task<never>;
  readonly evaluation: Task<never>;
  /** Parameters that the task adds to the language model: a classifier's scores. */
  readonly score: readonly Tensor[];
  /** What config.json says beside the language model. */
  readonly classifier: ClassifierConfig | null;
}

/** A run that has been made, before its weights are there. */
export interface MadeRun {
  readonly device: Device;
  /** The model that the run begins from, without an adapter. */
  readonly base: LanguageModel;
  /** The same with the adapter, where there is one. */
  readonly language: LanguageModel;
  readonly model: TaskModel;
  readonly trainer: AnyTrainer;
  readonly generator: TokenGenerator;
  readonly settings: FinetuneSettings;
}

/** Rows that were read and refused or kept; nothing is on a device yet. */
export interface OpenedTask {
  /** What the run is called. */
  readonly name: string;
  /** Rows of an epoch; null where it has none (random windows). */
  readonly epochRows: number | null;
  /** What a checkpoint keeps of the data. */
  readonly remembered: Readonly<Record<string, Scalar>>;
  /** Rows as they are trained on, to be looked at; null for windows of a text. */
  readonly shown: TaskRows | null;
  /** One of them is worth a look unasked: not all of its tokens are trained on. */
  readonly usuallyShown: boolean;
  /** The task's part over a language model. */
  model(language: LanguageModel, forward: ForwardSettings, settings: FinetuneSettings, seed: number): TaskModel;
  shapes(settings: FinetuneSettings, generator: TokenGenerator): PlannedShapes;
  data(settings: FinetuneSettings, seed: number): RunData;
  /**
   * What is left to do once the weights are there that a new run begins with.
   * @returns what a checkpoint is to remember of it
   */
  begin?(made: MadeRun): Promise<Readonly<Record<string, Scalar>>>;
  /** Of what a saved run remembered that which begin() gave. */
  begun?(saved: Scalars): Readonly<Record<string, Scalar>>;
  /** The same where a run goes on. @param path its step folder */
  goOn?(made: MadeRun, path: string): Promise<void>;
  /** Files of a checkpoint that are the task's. */
  files?(): ReadonlyMap<string, FileContent>;
  sample(made: MadeRun, stop: () => boolean): Promise<string>;
  firstLoss(loss: number): string | null;
  finish?(made: MadeRun, folder: string): Promise<Pick<EndEvent, 'validation' | 'test'>>;
  /** A line of what can be done with the result. */
  next(folder: string): string;
  close?(): void;
}

export interface FinetuneTask {
  readonly name: TaskName;
  /** In a few words, for help. */
  readonly about: string;
  /** Its own flags, settings or not, by name. */
  readonly flags: readonly string[];
  /** Flags of all tasks that mean nothing here. */
  readonly without?: readonly string[];
  /** What it begins with where nothing is typed. */
  readonly defaults: Partial<TrainingSettings> & OwnSettings;
  /** Learning rate of an adapter. Default: LORA_RATE. */
  readonly loraRate?: number;
  /** Epochs of a run without --steps, --epochs or --minutes; null where there are steps among the defaults. */
  readonly epochs: number | null;
  /** @throws InputError for data that cannot be learned from */
  open(request: TaskRequest): Promise<OpenedTask>;
}
