// One run of the page: from a text and settings to a model, an optimizer and a trainer, begun or brought to a save; and what the loop
// asks of it.

import {
  averageName,
  type Batch,
  bytesSource,
  checkpointFiles,
  compareResume,
  evaluationBatches,
  eventBytes,
  type FileContent,
  firstLossWarning,
  InputError,
  type KernelTable,
  keptModel,
  type LoopOptions,
  type LoopProgress,
  languageBatch,
  learningRateAt,
  loadModel,
  loadOptimizer,
  type ModelConfig,
  makeRun,
  noProgress,
  type PretrainSettings,
  parameterCount,
  planRun,
  type RunEvent,
  type RunParts,
  type RunPlans,
  rowsFor,
  SAMPLE_TOKENS,
  type SavedParts,
  type StartEvent,
  savedCursor,
  savedProgress,
  spikeText,
  TRAIN_PARTS,
  type TrainingState,
  tableOf,
  trainingState,
  WindowSampler,
  wholesOf,
} from '../../src/index.ts';
import type { Memory, ModelPart } from '../protocol.ts';
import type { AnyRun, Writers } from './any_run.ts';
import { twinMemory } from './forecast.ts';
import { type Home, limitsOfPage } from './home.ts';
import { eventsOf, linesOf } from './log_lines.ts';
import type { LookedAt } from './look/look.ts';
import { FIRST_SAMPLES } from './presets.ts';
import { plainWriter } from './prompts.ts';
import { type OpenText, pinnedPrompt, requireContext, TEXT_FILE, textFileName } from './text.ts';
import { version } from './version.ts';

export interface RunSpec {
  settings: PretrainSettings;
  seed: number;
  text: OpenText;
  /** What the samples begin with; by default words of the text. */
  prompt?: string | undefined;
}

/** @param command that is for runs which learn a text from nothing   @throws InputError for a lesson */
export function pageRun({ run }: { run: AnyRun }, command: string): PageRun {
  if (run instanceof PageRun) return run;
  throw new InputError(`${command}: found a lesson, expected a run of the first chapter. Go back to it first.`);
}

export class PageRun implements AnyRun {
  readonly home: Home;
  readonly spec: RunSpec;
  readonly parts: RunParts;
  /** null for the twin, which plans nothing. */
  readonly plans: RunPlans | null;
  /** What the samples begin with. */
  readonly prompt: string;
  readonly #promptIds: readonly number[];
  readonly memory: Memory;
  /** Form by op, as the plans use them; none for the twin. */
  readonly kernels: KernelTable;
  progress: LoopProgress = noProgress();
  /** What the run has told since its first step: metrics.jsonl. */
  events: RunEvent[] = [];
  /** The step of another run that it began from. */
  #forkedAt: number | null = null;
  readonly #sampler: WindowSampler;
  readonly #rows: number;
  /** The beginning of the validation part: nothing that the model learns from. */
  readonly #example: string;
  readonly #saved: SavedParts;

  /** Nothing is allocated yet. @throws InputError for a text too short, or sizes that contradict each other */
  constructor(home: Home, spec: RunSpec) {
    const { settings, seed, text } = spec;
    const { corpus } = text;
    requireContext(text, settings.context);
    [this.home, this.spec] = [home, spec];
    this.parts = makeRun(home.machine, settings, corpus.tokenizer.vocabSize, seed);
    // A saved run keeps its own.
    this.prompt = spec.prompt ?? pinnedPrompt(text);
    this.#promptIds = corpus.tokenizer.encode(this.prompt);
    const sizes = {
      vocabSize: corpus.tokenizer.vocabSize,
      validationTokens: corpus.validationLength,
      promptTokens: this.#promptIds.length,
    };
    this.plans = home.device && planRun(home.device, this.parts, settings, sizes, limitsOfPage(home));
    this.memory = this.plans
      ? { ...eventBytes(this.plans.memory), exact: true }
      : twinMemory(parameterCount(this.parts.model));
    const { device } = home;
    this.kernels = device && this.plans ? tableOf(this.plans.plans, device.capabilities, device.kernels) : {};
    const { context, batch, windows, stride } = settings;
    this.#example = corpus.tokenizer.decode(corpus.validation(0, Math.min(context, corpus.validationLength)));
    this.#rows = rowsFor(corpus.validationLength, context, batch);
    this.#sampler = new WindowSampler(
      { kind: windows, length: corpus.trainLength, blockSize: context, batch, stride: stride || undefined, seed },
      (start, n) => corpus.train(start, n),
    );
    this.#saved = {
      machine: home.machine,
      trainer: this.parts.trainer,
      kept: keptModel(this.parts.trainer, corpus.tokenizer),
      tokenizer: corpus.tokenizer,
      dataHash: corpus.hash,
      // As `pretrain` remembers them: no path is the book.
      settings: {
        ...settings,
        data: text.own ? textFileName(text.own.name) : null,
        samplePrompt: this.prompt,
        kernels: 'auto',
      },
      seed,
      sampler: this.#sampler,
      kernels: this.kernels,
      versions: { shaderformer: version },
    };
  }

  /**
   * Brings it to a save.
   * @param fork the settings are other ones on purpose
   * @throws InputError if the save is of another run
   */
  async restore(files: ReadonlyMap<string, Uint8Array>, saved: TrainingState, fork: boolean): Promise<void> {
    const { machine } = this.home;
    const { trainer, model, optimizer } = this.parts;
    const where = `the save of step ${saved.step}`;
    if (!fork) {
      const now = trainingState(this.#saved, noProgress());
      // Where the text lies and what the samples begin with decides nothing; the text's hash does.
      const settings = new Map(now.settings);
      for (const name of ['data', 'samplePrompt', 'kernels']) settings.set(name, saved.settings.get(name) ?? null);
      compareResume(saved, { ...now, settings }, where);
    }
    const file = (name: string) => {
      const bytes = files.get(name);
      if (bytes) return bytesSource(name, bytes);
      throw new InputError(`${where}: found no ${name}, expected one. Begin a new run.`);
    };
    await loadModel(machine, model, [file('model.safetensors')]);
    if (trainer.ema) await loadModel(machine, model, [file(averageName)], trainer.ema.weights);
    await loadOptimizer(machine, optimizer, file('optimizer.safetensors'));
    // Which windows come at a step follows from the settings and its number alone.
    const step = saved.step * this.spec.settings.accumulate;
    this.#sampler.restore(fork ? { ...this.#sampler.state(), step } : savedCursor(saved));
    trainer.step = saved.step;
    this.progress = savedProgress(saved);
    if (fork) this.#forkedAt = saved.step;
    this.events = eventsOf(files.get('metrics.jsonl')).filter((event) => event.event !== 'end');
  }

  /** Compiles all kernels at once, so that their number is known. */
  async prepare(): Promise<void> {
    const [first, ...rest] = this.plans?.plans ?? [];
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

  /** What the loop asks for, besides when to stop and how to save. */
  loopOptions(own: Pick<LoopOptions, 'save' | 'stop'> & { drawn(step: number): void }): LoopOptions {
    const { settings, text } = this.spec;
    const { context } = settings;
    const { tokenizer, trainLength, validationLength } = text.corpus;
    const trained = { length: trainLength, read: (s: number, n: number) => text.corpus.train(s, n) };
    const validation = { length: validationLength, read: (s: number, n: number) => text.corpus.validation(s, n) };
    return {
      ...settings,
      maxSteps: settings.steps,
      sampleAt: FIRST_SAMPLES,
      tokensPerStep: this.tokensPerStep,
      batches: (step) => {
        own.drawn(step);
        return this.nextBatches();
      },
      validationBatches: () => evaluationBatches(validation, context, this.#rows, settings.evalBatches),
      trainBatches: () => evaluationBatches(trained, context, this.#rows, TRAIN_PARTS),
      sample: () => this.#sample(own.stop),
      spikeText: (result) => spikeText(result, (ids) => tokenizer.decode(ids)),
      firstLoss: (loss) => firstLossWarning(loss, tokenizer.vocabSize),
      save: own.save,
      stop: own.stop,
    };
  }

  startEvent(): StartEvent {
    const { home, memory, spec } = this;
    const { name, bytes, trainLength, validationLength, tokenizer } = spec.text.corpus;
    const { exact: _exact, ...planned } = memory;
    return {
      event: 'start',
      parameters: parameterCount(this.parts.model),
      ...(this.#forkedAt !== null && { model: { forkedAt: this.#forkedAt } }),
      config: { ...this.parts.model.config },
      dataset: {
        ...{ name, bytes, trainTokens: trainLength, validationTokens: validationLength },
        ...{ tokenizer: tokenizer.kind, vocabSize: tokenizer.vocabSize },
      },
      adapter: home.machine.name,
      kernels: { ...this.kernels },
      kernelsFrom: home.device?.kernelsFrom ?? 'given: the twin has one form of each',
      memory: planned,
    };
  }

  get config(): ModelConfig {
    return this.parts.model.config;
  }

  get sizes(): PretrainSettings {
    return this.spec.settings;
  }

  get totalSteps(): number {
    return this.spec.settings.steps;
  }

  get tokensPerStep(): number {
    const { accumulate, batch, context } = this.spec.settings;
    return accumulate * batch * context;
  }

  get writers(): Writers {
    return { tuned: plainWriter(this.parts.generator, this.spec.text.corpus.tokenizer), base: null };
  }

  /** The visitor's text. */
  beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
    const { own } = this.spec.text;
    return new Map(own ? [[TEXT_FILE, new TextEncoder().encode(own.text)] as const] : []);
  }

  /** As it is looked into. */
  get looked(): LookedAt {
    const { home, parts, spec } = this;
    const { tokenizer } = spec.text.corpus;
    const { context, dtype } = spec.settings;
    return {
      ...{ machine: home.machine, device: home.device, model: parts.model, trainer: parts.trainer },
      ...{ tokenizer, dtype, context, example: this.#example },
      sample: (stop) => this.#sample(stop),
      learningRate: (step) => learningRateAt(step - 1, { ...this.spec.settings, maxSteps: this.spec.settings.steps }),
      peek: () => {
        const cursor = this.#sampler.state();
        try {
          return this.nextBatches();
        } finally {
          this.#sampler.restore(cursor);
        }
      },
    };
  }

  /** The model's pieces, for the drawing of it. */
  modelParts(): ModelPart[] {
    return wholesOf(this.parts.model.parameters).map(({ name, shape, size }) => ({ name, shape, bytes: 4 * size }));
  }

  release(): void {
    this.parts.generator.release();
    this.parts.trainer.release();
    this.home.device?.releaseActivations();
  }

  /** The batches of the next step. */
  nextBatches(): Batch[] {
    const { accumulate, context } = this.spec.settings;
    return Array.from({ length: accumulate }, () => languageBatch(this.#sampler.next(), context));
  }

  async #sample(stop: () => boolean): Promise<string> {
    const { tokenizer } = this.spec.text.corpus;
    const decoder = tokenizer.decoder();
    let sample = this.prompt;
    const options = { maxNewTokens: SAMPLE_TOKENS, temperature: 0.8, seed: this.spec.seed };
    for await (const { id } of this.parts.generator.generate(this.#promptIds, options)) {
      sample += decoder.push(id);
      if (stop()) break;
    }
    return sample + decoder.end();
  }
}
