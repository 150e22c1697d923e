// What the tasks of language models have in common: a model that there is, perhaps with an adapter on it, and a task's own part.
import type { FileContent } from '../../checkpoint/manifest.ts';
import type { TokenGenerator } from '../../generate/generate.ts';
import type { ClassifierConfig } from '../../nn/classifier_config.ts';
import type { ModelConfig } from '../../nn/families.ts';
import type { LanguageModel } from '../../nn/model.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { FinetuneSettings } from './settings.ts';
import type { ForwardSettings, MadeRun, OpenedTask, TaskModel, TaskRequest } from './task.ts';

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

export type LanguageRequest = TaskRequest<ModelConfig>;

/** An opened task but for how its model is made and kept, which is alike for all of them. */
export interface LanguageParts extends Omit<OpenedTask<LanguageRun>, 'make' | 'kept'> {
  /** The task's part over a language model. */
  model(language: LanguageModel, forward: ForwardSettings, settings: FinetuneSettings, seed: number): LanguageTaskModel;
  /** Files of a checkpoint that are the task's. */
  files?(): ReadonlyMap<string, FileContent>;
}
