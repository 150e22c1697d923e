// A model that is there is taught something new: what the chapters behind pretraining ask for, and what they are told.

import type { ModelPart, OwnText } from '../protocol.ts';

/** Chapters that train a model which is there. */
export type Teaching = 'load' | 'classify' | 'instruct' | 'lora' | 'dpo';

/** A model that can be gone on with, talked to or taught: what the first chapter trained, what was loaded, what a lesson made of one of them. */
export type ShelfId = 'trained' | 'loaded' | 'taught';

export interface ShelfModel {
  id: ShelfId;
  /** `moby-dick, step 2000`, the folder's name. */
  name: string;
  /** `llama`. */
  family: string;
  parameters: number;
  layers: number;
  width: number;
  context: number;
  vocabSize: number;
  /** `bpe`. */
  tokenizer: string;
  /** A conversation can be put to it in a form of its own. */
  chats: boolean;
  /** It stands as an adapter on another model, and can be exported as one. */
  adapter: boolean;
  parts: ModelPart[];
  /** What a person should know of how it was read. */
  notes: string[];
}

export interface LessonSettings {
  steps: number;
  batch: number;
  learningRate: number;
  /** Tokens of the longest row; at most the model's context. */
  context: number;
  /** Rank of the adapter; 0 trains the model itself. */
  loraR: number;
  /** For `dpo` alone. */
  dpoBeta?: number;
  seed: number;
}

export interface Lesson {
  chapter: Teaching;
  base: ShelfId;
  /** `builtin` is the data that the page brings for the chapter: of `load` the book. */
  data: { builtin: true } | { own: OwnText };
  /** What is left out follows from the chapter, the model and the data. */
  settings: Partial<LessonSettings>;
}

/** One row as it is trained on, token by token. */
export interface MaskedRow {
  /** Its tokens as texts; of a control token its name. */
  tokens: readonly { text: string; role: 'prompt' | 'answer' | 'control'; trained: boolean }[];
  /** Places behind it, up to the longest row of its batch. */
  padding: number;
  /** Its class, `chosen` or `rejected`; undefined where there is nothing to say. */
  note?: string;
}

/** What a lesson will be, before its first step. */
export interface PreparedLesson {
  settings: LessonSettings;
  /** What the data is called, and how many rows it has in each part. */
  data: string;
  rows: { train: number; validation: number; test: number };
  shown: readonly MaskedRow[];
  /** Of all rows to train on. */
  counts: { tokens: number; trained: number };
  /** By class how many rows there are; empty where there are none. */
  classes: readonly { name: string; rows: number }[];
  /** What needs no network: `the most frequent class`, `naive Bayes`, `no preference`. */
  baselines: readonly { name: string; value: number; unit: 'accuracy' | 'nats' }[];
  parameters: number;
  trainedParameters: number;
  /** Bytes that the run plans. */
  bytes: number;
  /** What was noticed in the data, a sentence each. */
  notes: readonly string[];
}

/** What is told of a run that is a lesson, beside what is told of every run. */
export interface LessonRun {
  lesson: Lesson;
  prepared: PreparedLesson;
  /** What a loss is the mean of: `nats a token`. */
  unit: string;
  /** Lines of the loss chart that words can be put to. */
  references: readonly { label: string; value: number }[];
}

/** A classifier's answer, the likeliest first. */
export interface ClassGuess {
  name: string;
  probability: number;
}

export interface LessonQuestions {
  /** Which class a text has; of a run that classifies. */
  classified: { asked: { text: string }; answered: { classes: readonly ClassGuess[] } };
}
