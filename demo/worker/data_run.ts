// What every run of the page does alike, whatever it trains: it is planned and compiled, stepped, saved, brought to a save, and looked
// at, by its data, its settings and the way in which its model is kept.
import {
  type Batch,
  checkpointFiles,
  compareResume,
  eventBytes,
  type FileContent,
  type KernelTable,
  type LanguageModel,
  type LoopOptions,
  type LoopProgress,
  learningRateAt,
  loadOptimizer,
  type ModelConfig,
  noProgress,
  parameterCount,
  type RunData,
  type RunEvent,
  type RunModel,
  type SavedParts,
  type SavedWeights,
  type Scalar,
  type StartEvent,
  savedCursor,
  savedProgress,
  spikeText,
  type TokenGenerator,
  type TrainingPlans,
  type TrainingState,
  tableOf,
  trainedCount,
  trainingState,
  weightsInMemory,
  wholesOf,
} from '../../src/index.ts';
import type { TrainingSettings } from '../../src/train/settings.ts';
import type { Memory, ModelPart } from '../protocol.ts';
import type { AnyRun, Writers } from './any_run.ts';
import { twinMemory } from './forecast.ts';
import type { Home } from './home.ts';
import { eventsOf, linesOf } from './log_lines.ts';
import type { LookedAt } from './look/look.ts';
import { version } from './version.ts';

/** Where the data lies, what samples begin with and how kernels were asked for decides nothing: hashes and the kernels themselves do. */
const UNDECISIVE = ['data', 'samplePrompt', 'kernels'];

export abstract class DataRun implements AnyRun {
  readonly home: Home;
  /** null for the twin, which plans nothing. */
  readonly plans: TrainingPlans | null;
  readonly memory: Memory;
  /** Form by op, as the plans use them; none for the twin. */
  readonly kernels: KernelTable;
  progress: LoopProgress = noProgress();
  events: RunEvent[] = [];
  abstract readonly parts: AnyRun['parts'] & { readonly generator: TokenGenerator };
  abstract readonly settings: TrainingSettings;
  abstract readonly writers: Writers;
  /** What is trained, without a task's own part. */
  protected abstract readonly language: LanguageModel;
  protected abstract readonly data: RunData;
  protected abstract readonly seed: number;
  /** The text that every look begins with: the same at every step. */
  protected abstract readonly example: string;

  /** @param model that is trained; nothing of it is allocated yet */
  constructor(home: Home, plans: TrainingPlans | null, model: AnyRun['parts']['model']) {
    const { device } = home;
    [this.home, this.plans] = [home, plans];
    this.memory = plans ? { ...eventBytes(plans.memory), exact: true } : twinMemory(parameterCount(model));
    this.kernels = device && plans ? tableOf(plans.plans, device.capabilities, device.kernels) : {};
  }

  abstract beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  protected abstract sample(stop: () => boolean): Promise<string>;
  /** How what is trained stands in a save. */
  protected abstract kept(): RunModel;
  /** What training.json remembers beside the settings. */
  protected abstract remembered(): Readonly<Record<string, Scalar>>;

  get config(): ModelConfig {
    return this.language.config;
  }

  get totalSteps(): number {
    return this.settings.steps;
  }

  get tokensPerStep(): number {
    return this.data.tokensPerStep;
  }

  async prepare(steps = false): Promise<void> {
    const [first, ...rest] = (steps ? this.plans?.step : this.plans?.plans) ?? [];
    if (!first) return;
    const dispatches = [first, ...rest].flatMap((plan) => plan.dispatches);
    await this.home.device!.prepare({ ...first, dispatches });
  }

  /** The files of a save, what has been told until then among them. */
  async files(progress: LoopProgress): Promise<Map<string, FileContent>> {
    const { step } = progress;
    const told: RunEvent[] = [...this.events, { event: 'save', step, path: `step-${step}` }];
    const files = await checkpointFiles(this.#saved, progress);
    return files.set('metrics.jsonl', linesOf(told));
  }

  /**
   * Brings it to a save.
   * @param fork the settings are other ones on purpose
   * @throws InputError if the save is of another run
   */
  async restore(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    saved: TrainingState,
    fork: boolean,
  ): Promise<void> {
    const { trainer } = this.parts;
    const where = `the save of step ${saved.step}`;
    if (!fork) this.#refuseOther(saved, where);
    const weights = weightsInMemory(files, where);
    await this.load(weights);
    const moments = weights.file('optimizer.safetensors');
    await loadOptimizer(this.home.machine, trainer.optimizer, moments.sources[0]!);
    moments.close();
    // Which rows come at a step follows from the settings and its number alone.
    const { sampler } = this.data;
    const step = saved.step * this.settings.accumulate;
    sampler.restore((fork ? { ...sampler.state(), step } : savedCursor(saved)) as never);
    trainer.step = saved.step;
    this.progress = savedProgress(saved);
    this.events = eventsOf(files.get('metrics.jsonl')).filter((event) => event.event !== 'end');
  }

  /** Weights of a save. */
  protected load(saved: SavedWeights): Promise<void> {
    return this.kept().load(saved);
  }

  /** What the loop asks for. */
  loopOptions(own: Pick<LoopOptions, 'save' | 'stop'> & { drawn(step: number): void }): LoopOptions {
    const { data, settings } = this;
    const { save, stop } = own;
    return {
      ...settings,
      maxSteps: settings.steps,
      tokensPerStep: data.tokensPerStep,
      batches: (step) => {
        own.drawn(step);
        return data.next();
      },
      validationBatches: () => data.validationBatches(),
      trainBatches: () => data.trainBatches(),
      sample: () => this.sample(stop),
      spikeText: (result) => spikeText(result, (ids) => data.tokenizer.decode(ids)),
      ...{ save, stop },
    };
  }

  startEvent(): StartEvent {
    const { config, data, home, kernels, memory } = this;
    const { model } = this.parts;
    const parameters = parameterCount(model);
    const trained = trainedCount(model);
    const { exact: _exact, ...planned } = memory;
    return {
      event: 'start',
      parameters,
      ...(trained < parameters && { trainedParameters: trained }),
      config: { ...config },
      dataset: data.dataset,
      adapter: home.machine.name,
      dtype: this.settings.dtype,
      kernels: { ...kernels },
      kernelsFrom: home.device?.kernelsFrom ?? 'given: the twin has one form of each',
      memory: planned,
    };
  }

  get looked(): LookedAt {
    const { data, example, home, language, settings } = this;
    const { tokenizer, sampler } = data;
    return {
      ...{ machine: home.machine, device: home.device, model: language, trainer: this.parts.trainer },
      ...{ tokenizer, dtype: settings.dtype, context: settings.context, example },
      learningRate: (step) => learningRateAt(step - 1, { ...settings, maxSteps: settings.steps }),
      peek: () => {
        const cursor = sampler.state();
        try {
          return data.next();
        } finally {
          sampler.restore(cursor as never);
        }
      },
    };
  }

  modelParts(): ModelPart[] {
    const wholes = wholesOf(this.parts.model.parameters);
    return wholes.map(({ name, shape, size }) => ({ name, shape, bytes: 4 * size }));
  }

  /** The batches of the next step. */
  nextBatches(): Batch[] {
    return this.data.next();
  }

  release(): void {
    this.parts.generator.release();
    this.parts.trainer.release();
    this.home.device?.releaseActivations();
  }

  /** @throws InputError for a save of another run */
  #refuseOther(saved: TrainingState, where: string): void {
    const now = trainingState(this.#saved, noProgress());
    const settings = new Map(now.settings);
    for (const name of UNDECISIVE) if (settings.has(name)) settings.set(name, saved.settings.get(name) ?? null);
    compareResume(saved, { ...now, settings }, where);
  }

  get #saved(): SavedParts {
    const { data, home, kernels, parts, seed, settings } = this;
    return {
      ...{ machine: home.machine, trainer: parts.trainer, kept: this.kept() },
      ...{ tokenizer: data.tokenizer, dataHash: data.hash, seed },
      settings: { ...settings, ...this.remembered() } as SavedParts['settings'],
      sampler: data.sampler,
      kernels,
      versions: { shaderformer: version },
    };
  }
}
