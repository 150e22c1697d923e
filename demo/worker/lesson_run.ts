// One lesson of the page as a run: the same driver trains it, saves it and answers questions about it as any other.
import type { FinetuneSettings } from '../../src/finetune/settings.ts';
import {
  Classifier,
  InputError,
  type LanguageModel,
  type LanguageRun,
  type LoopOptions,
  loadModel,
  planTraining,
  type RunData,
  type RunModel,
  type SavedWeights,
  type Scalar,
  type StartEvent,
  type TrainingState,
} from '../../src/index.ts';
import type { PreparedLesson, LessonRun as Told } from '../protocol/lessons.ts';
import type { Writers } from './any_run.ts';
import { DataRun } from './data_run.ts';
import { type Home, limitsOfPage } from './home.ts';
import { besideOf, savedSettingsOf } from './lesson_files.ts';
import type { LessonSpec } from './lesson_spec.ts';
import { lessonWriters } from './lesson_writers.ts';
import type { LookedAt } from './look/look.ts';
import { sampleIn } from './plain_form.ts';

export class LessonRun extends DataRun {
  readonly spec: LessonSpec;
  readonly made: LanguageRun;
  readonly writers: Writers;
  protected readonly data: RunData;
  readonly #kept: RunModel;
  readonly #remembered: Record<string, Scalar>;
  #stopped = false;

  /** Nothing is allocated yet. @throws InputError without a GPU, and for settings that contradict the model */
  constructor(home: Home, spec: LessonSpec) {
    const { device } = home;
    if (!device)
      throw new InputError(
        `lesson: ${home.twin ?? 'there is no GPU here.'} Lessons need a GPU, which may be one in software: expected WebGPU. Open the page in a browser that has it.`,
      );
    const { engine, base, seed } = spec;
    const { opened, settings } = engine;
    const made = opened.make(device, settings, seed);
    const shapes = opened.shapes(settings, made);
    super(home, planTraining(device, made.trainer, shapes, limitsOfPage(home)), made.trainer.model);
    [this.spec, this.made] = [spec, made];
    this.data = opened.data(settings, seed);
    this.#remembered = savedSettingsOf(spec);
    this.#kept = opened.kept(made, { name: base.name, load: () => this.#loadBase() });
    this.writers = lessonWriters(home, made, spec);
  }

  get parts() {
    const { trainer, generator } = this.made;
    return { trainer, model: trainer.model, generator };
  }

  get settings(): FinetuneSettings {
    return this.spec.engine.settings;
  }

  get exportName(): string {
    return this.spec.engine.opened.name;
  }

  /** Puts the weights there that it begins with, and what else it needs before its first step. */
  async begin(): Promise<void> {
    await this.#loadBase();
    Object.assign(this.#remembered, await this.spec.engine.opened.begin?.(this.made));
  }

  override restore(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    saved: TrainingState,
    fork: boolean,
  ): Promise<void> {
    Object.assign(this.#remembered, this.spec.engine.opened.begun?.(saved.settings));
    return super.restore(files, saved, fork);
  }

  beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
    return besideOf(this.spec);
  }

  override loopOptions(own: Parameters<DataRun['loopOptions']>[0]): LoopOptions {
    const { opened, settings } = this.spec.engine;
    const stop = () => this.#stopped || own.stop();
    return {
      ...super.loopOptions({ ...own, stop }),
      ...(settings.sampleEvery > 0 && { sampleAt: [0] }),
      ...(opened.figures && { figures: (weights) => opened.figures!(this.made, weights, stop) }),
      firstLoss: (loss) => opened.firstLoss(loss),
    };
  }

  override startEvent(): StartEvent {
    const { base, task } = this.spec;
    return {
      ...super.startEvent(),
      model: { name: base.name, hash: base.hash },
      config: { ...this.config, task },
    };
  }

  async finish() {
    return (await this.spec.engine.opened.finish?.(this.made, '')) ?? {};
  }

  override get looked(): LookedAt {
    const { model } = this.made.model;
    return { ...super.looked, ...(model instanceof Classifier && { classifier: model }) };
  }

  /** What is told of it beside what is told of every run. */
  told(prepared: PreparedLesson): Told {
    const { unit, references } = this.spec.engine;
    return { lesson: this.spec.asked, prepared, unit, references };
  }

  /** Of a run that nothing was allocated for. */
  close(): void {
    this.spec.engine.opened.close?.();
  }

  override release(): void {
    this.#stopped = true;
    this.writers.base?.rest?.();
    super.release();
    // Frozen parts are no trainer's.
    this.home.machine.release([...this.made.base.parameters]);
    this.close();
  }

  protected get seed(): number {
    return this.spec.seed;
  }

  protected get language(): LanguageModel {
    return this.made.language;
  }

  /** The beginning of a row that is not trained on, where there is one. */
  protected get example(): string {
    const { engine, tokenizer } = this.spec;
    const { shown } = engine.opened;
    if (!shown || shown.length === 0) return '';
    return tokenizer.decode(shown.shown(0).ids.filter((id) => id < tokenizer.vocabSize)).slice(0, 200);
  }

  protected kept(): RunModel {
    return this.#kept;
  }

  protected remembered(): Readonly<Record<string, Scalar>> {
    return this.#remembered;
  }

  protected override async load(saved: SavedWeights): Promise<void> {
    await super.load(saved);
    await this.spec.engine.opened.goOn?.(this.made, saved);
  }

  /** A model may have rows for tokens that its tokenizer has not, and say one while it is young: that is told, and ends nothing. */
  protected async sample(stop: () => boolean): Promise<string> {
    try {
      const text = await this.spec.engine.opened.sample(this.made, stop);
      return this.spec.task === 'instruct' ? sampleIn(text, this.spec.template) : text;
    } catch (error) {
      if (error instanceof InputError) return `(no sample: ${error.message})`;
      throw error;
    }
  }

  async #loadBase(): Promise<void> {
    await loadModel(this.home.machine, this.made.base, this.spec.base.weights);
  }
}
