// One lesson of the page as a run: the same driver trains it, saves it and answers questions about it as any other.

import type { LanguageRun } from '../../src/finetune/opened.ts';
import type { FinetuneSettings } from '../../src/finetune/settings.ts';
import {
  checkpointFiles,
  compareResume,
  eventBytes,
  type FileContent,
  InputError,
  type KernelTable,
  type LoopOptions,
  type LoopProgress,
  learningRateAt,
  loadModel,
  loadOptimizer,
  type ModelConfig,
  noProgress,
  parameterCount,
  type RunEvent,
  type SavedParts,
  type Scalar,
  type StartEvent,
  savedCursor,
  savedProgress,
  spikeText,
  type TrainingState,
  tableOf,
  trainedCount,
  trainingState,
  wholesOf,
} from '../../src/index.ts';
import { Classifier } from '../../src/nn/classifier.ts';
import type { RunData, RunModel } from '../../src/train/run_data.ts';
import { type SavedWeights, weightsInMemory } from '../../src/train/saved_weights.ts';
import { planTraining, type TrainingPlans } from '../../src/train/training.ts';
import type { PreparedLesson, LessonRun as Told } from '../protocol/lessons.ts';
import type { Memory, ModelPart } from '../protocol.ts';
import type { AnyRun, Writers } from './any_run.ts';
import { type Home, limitsOfPage } from './home.ts';
import { besideOf, savedSettingsOf } from './lesson_files.ts';
import type { LessonSpec } from './lesson_spec.ts';
import { lessonWriters } from './lesson_writers.ts';
import { eventsOf, linesOf } from './log_lines.ts';
import type { LookedAt } from './look/look.ts';
import { sampleIn } from './plain_form.ts';
import { version } from './version.ts';

export class LessonRun implements AnyRun {
  readonly home: Home;
  readonly spec: LessonSpec;
  readonly made: LanguageRun;
  readonly plans: TrainingPlans;
  readonly memory: Memory;
  readonly kernels: KernelTable;
  readonly writers: Writers;
  progress: LoopProgress = noProgress();
  events: RunEvent[] = [];
  readonly #data: RunData;
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
    [this.home, this.spec] = [home, spec];
    this.made = opened.make(device, settings, seed);
    this.plans = planTraining(device, this.made.trainer, opened.shapes(settings, this.made), limitsOfPage(home));
    this.memory = { ...eventBytes(this.plans.memory), exact: true };
    this.kernels = tableOf(this.plans.plans, device.capabilities, device.kernels);
    this.#data = opened.data(settings, seed);
    this.#remembered = savedSettingsOf(spec);
    this.#kept = opened.kept(this.made, { name: base.name, load: () => this.#loadBase() });
    this.writers = lessonWriters(home, this.made, spec);
  }

  get parts() {
    const { trainer } = this.made;
    return { trainer, model: trainer.model };
  }

  get config(): ModelConfig {
    return this.made.language.config;
  }

  get sizes(): FinetuneSettings {
    return this.spec.engine.settings;
  }

  get totalSteps(): number {
    return this.spec.engine.settings.steps;
  }

  get tokensPerStep(): number {
    return this.#data.tokensPerStep;
  }

  get exportName(): string {
    return this.spec.engine.opened.name;
  }

  /** Puts the weights there that it begins with, and what else it needs before its first step. */
  async begin(): Promise<void> {
    await this.#loadBase();
    Object.assign(this.#remembered, await this.spec.engine.opened.begin?.(this.made));
  }

  async restore(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    saved: TrainingState,
    _fork: boolean,
  ): Promise<void> {
    const { trainer } = this.made;
    const { opened } = this.spec.engine;
    const where = `the save of step ${saved.step}`;
    Object.assign(this.#remembered, opened.begun?.(saved.settings));
    const now = trainingState(this.#saved, noProgress());
    // Where the data lies decides nothing; its hash does.
    const settings = new Map(now.settings).set('data', saved.settings.get('data') ?? null);
    compareResume(saved, { ...now, settings }, where);
    const weights: SavedWeights = weightsInMemory(files, where);
    await this.#kept.load(weights);
    await opened.goOn?.(this.made, weights);
    const moments = weights.file('optimizer.safetensors');
    await loadOptimizer(this.home.machine, trainer.optimizer, moments.sources[0]!);
    moments.close();
    this.#data.sampler.restore(savedCursor(saved) as never);
    trainer.step = saved.step;
    this.progress = savedProgress(saved);
    this.events = eventsOf(files.get('metrics.jsonl')).filter((event) => event.event !== 'end');
  }

  async prepare(): Promise<void> {
    const [first] = this.plans.plans;
    if (!first) return;
    const dispatches = this.plans.plans.flatMap((plan) => plan.dispatches);
    await this.home.device!.prepare({ ...first, dispatches });
  }

  async files(progress: LoopProgress): Promise<Map<string, FileContent>> {
    const { step } = progress;
    const told: RunEvent[] = [...this.events, { event: 'save', step, path: `step-${step}` }];
    const files = await checkpointFiles(this.#saved, progress);
    return files.set('metrics.jsonl', linesOf(told));
  }

  beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
    return besideOf(this.spec);
  }

  loopOptions(own: Pick<LoopOptions, 'save' | 'stop'> & { drawn(step: number): void }): LoopOptions {
    const { opened, settings } = this.spec.engine;
    const data = this.#data;
    const stop = () => this.#stopped || own.stop();
    return {
      ...settings,
      maxSteps: settings.steps,
      ...(settings.sampleEvery > 0 && { sampleAt: [0] }),
      tokensPerStep: data.tokensPerStep,
      batches: (step) => {
        own.drawn(step);
        return data.next();
      },
      validationBatches: () => data.validationBatches(),
      trainBatches: () => data.trainBatches(),
      ...(opened.figures && { figures: (weights) => opened.figures!(this.made, weights, stop) }),
      sample: () => this.#sample(stop),
      spikeText: (result) => spikeText(result, (ids) => data.tokenizer.decode(ids)),
      firstLoss: (loss) => opened.firstLoss(loss),
      save: own.save,
      stop,
    };
  }

  startEvent(): StartEvent {
    const { home, memory, made, spec } = this;
    const parameters = parameterCount(made.trainer.model);
    const trained = trainedCount(made.trainer.model);
    const { exact: _exact, ...planned } = memory;
    return {
      event: 'start',
      parameters,
      ...(trained < parameters && { trainedParameters: trained }),
      model: { name: spec.base.name, hash: spec.base.hash },
      config: { ...made.language.config, task: spec.task },
      dataset: this.#data.dataset,
      adapter: home.machine.name,
      dtype: spec.engine.settings.dtype,
      kernels: { ...this.kernels },
      kernelsFrom: home.device!.kernelsFrom,
      memory: planned,
    };
  }

  async finish() {
    return (await this.spec.engine.opened.finish?.(this.made, '')) ?? {};
  }

  get looked(): LookedAt {
    const { home, made, spec } = this;
    const { model } = made.model;
    return {
      ...{ machine: home.machine, device: home.device, model: made.language, trainer: made.trainer },
      ...{ tokenizer: spec.tokenizer, dtype: spec.engine.settings.dtype, context: spec.engine.settings.context },
      ...(model instanceof Classifier && { classifier: model }),
      example: exampleOf(spec),
      learningRate: (step) => {
        const { settings } = spec.engine;
        return learningRateAt(step - 1, { ...settings, maxSteps: settings.steps });
      },
      peek: () => {
        const cursor = this.#data.sampler.state();
        try {
          return this.#data.next();
        } finally {
          this.#data.sampler.restore(cursor as never);
        }
      },
    };
  }

  modelParts(): ModelPart[] {
    return wholesOf(this.made.trainer.model.parameters).map(({ name, shape, size }) => ({
      name,
      shape,
      bytes: 4 * size,
    }));
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

  release(): void {
    this.#stopped = true;
    this.writers.base?.rest?.();
    this.made.generator.release();
    this.made.trainer.release();
    // Frozen parts are no trainer's.
    this.home.machine.release([...this.made.base.parameters]);
    this.home.device?.releaseActivations();
    this.close();
  }

  get #saved(): SavedParts {
    const { home, made, spec } = this;
    return {
      ...{ machine: home.machine, trainer: made.trainer, kept: this.#kept },
      ...{ tokenizer: spec.tokenizer, dataHash: this.#data.hash, seed: spec.seed },
      settings: { ...spec.engine.settings, ...this.#remembered } as SavedParts['settings'],
      sampler: this.#data.sampler,
      kernels: this.kernels,
      versions: { shaderformer: version },
    };
  }

  /** A model may have rows for tokens that its tokenizer has not, and say one while it is young: that is told, and ends nothing. */
  async #sample(stop: () => boolean): Promise<string> {
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

/** The text that every look begins with: the beginning of a row that is not trained on where there is one. */
function exampleOf({ engine, tokenizer }: LessonSpec): string {
  const { shown } = engine.opened;
  if (!shown || shown.length === 0) return '';
  return tokenizer.decode(shown.shown(0).ids.filter((id) => id < tokenizer.vocabSize)).slice(0, 200);
}
