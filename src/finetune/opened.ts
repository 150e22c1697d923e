// What a task makes of its rows: rows that were read and refused or kept, the model that learns from them, and how a checkpoint keeps
// both. Nothing here reads a disk: the command line and the page open the same.
import type { FileContent } from '../checkpoint/manifest.ts';
import type { Scalar, Scalars } from '../checkpoint/training_state.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { TokenGenerator } from '../generate/generate.ts';
import type { ClassifierConfig } from '../nn/classifier_config.ts';
import type { ModelConfig } from '../nn/families.ts';
import type { LanguageModel, Trainable } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import type { TaskRows } from '../tasks/rows.ts';
import type { Task } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { EndEvent } from '../train/events.ts';
import type { RunData, RunModel } from '../train/run_data.ts';
import type { SavedWeights } from '../train/saved_weights.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { Weights } from '../train/step.ts';
import type { AnyTrainer, PlannedShapes } from '../train/training.ts';
import type { FinetuneSettings } from './settings.ts';

/** Whoever listens. Lines may hold characters of the data: make them printable where they are shown. */
export interface Tell {
  note(line: string): void;
  /** How many rows there are, and what needs no network: whoever shows these otherwise leaves the line out. */
  figures(line: string): void;
  /** Something is lost, or probably a mistake. */
  warn(line: string): void;
  /** What takes its time: "reference of answer", `done` of `total`. */
  phase?(text: string, done: number, total: number): void;
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
  /** The same where a run goes on. */
  goOn?(made: R, saved: SavedWeights): Promise<void>;
  /** See TrainingRun.figures. */
  figures?(made: R, weights: Weights, stop: () => boolean): Promise<Readonly<Record<string, number>>>;
  sample(made: R, stop: () => boolean): Promise<string>;
  firstLoss(loss: number): string | null;
  /** What is measured once, at the end of all steps. @param folder of the run, for files beside the checkpoints */
  finish?(made: R, folder: string): Promise<Pick<EndEvent, 'validation' | 'test'>>;
  close?(): void;
}

/** What a task asks for of the run that it is part of, before a device is opened. */
export interface RowsRequest {
  readonly settings: FinetuneSettings;
  /** Names of the settings that a person chose. */
  readonly chosen: ReadonlySet<string>;
  /** Of the model that is trained. */
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Its first values are drawn by chance: it goes on with no model. */
  readonly fresh: boolean;
  readonly seed: number;
  /** The run goes on from a checkpoint. */
  readonly resumed: boolean;
  /** The data, as messages call it, and the SHA-256 of its bytes, hex. */
  readonly data: { readonly name: string; readonly hash: string };
  readonly tell: Tell;
  /** Ends what is measured, by a StoppedError. */
  stop(): boolean;
}

/** What is told of an opened task beside what the run needs. */
export interface TaskFacts {
  /** Rows of each part; of a text windows of one context, one behind the other. */
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** Tokens of all that is trained on, and how many of them have a loss. */
  readonly counts: { readonly tokens: number; readonly trained: number };
  /** Rows by class; empty where there are none. */
  readonly classes: readonly { readonly name: string; readonly rows: number }[];
  readonly baselines: readonly Baseline[];
}

/** What needs no network, or guesses. */
export interface Baseline {
  /** `the most frequent class`, `naive Bayes`, `no preference`. */
  readonly name: string;
  readonly value: number;
  readonly unit: 'accuracy' | 'nats';
}

/** An opened task of a language model, and what is told of it. */
export interface OpenedRows extends OpenedTask<LanguageRun> {
  readonly facts: TaskFacts;
}

/** A language model with a task's own part on it. */
export interface LanguageTaskModel extends TaskModel {
  /** Parameters that the task adds to the language model: a classifier's scores. */
  readonly score: readonly Tensor[];
  /** What config.json says beside the language model. */
  readonly classifier: ClassifierConfig | null;
}

export interface LanguageRun extends MadeRun {
  readonly base: LanguageModel;
  /** The same with the adapter, where there is one. */
  readonly language: LanguageModel;
  readonly model: LanguageTaskModel;
  readonly generator: TokenGenerator;
}

/** An opened task but for how its model is made and kept, which is alike for all of them. */
export interface LanguageParts extends Omit<OpenedTask<LanguageRun>, 'make' | 'kept'> {
  /** The task's part over a language model. */
  model(language: LanguageModel, forward: ForwardSettings, settings: FinetuneSettings, seed: number): LanguageTaskModel;
  /** Files of a checkpoint that are the task's. */
  files?(): ReadonlyMap<string, FileContent>;
}
