// One run of the first chapter: from a text and settings to a model that learns the text from nothing.
import {
  firstLossWarning,
  InputError,
  keptModel,
  type LanguageModel,
  type LoopOptions,
  makeRun,
  type PretrainSettings,
  planRun,
  type RunData,
  type RunModel,
  type RunParts,
  rowsFor,
  type Scalar,
  type StartEvent,
  type TrainingState,
} from '../../src/index.ts';
import { corpusData, textInMemory } from '../../src/train/corpus_data.ts';
import { sampleText } from '../../src/train/sample_text.ts';
import { loadWhole } from '../../src/train/saved_weights.ts';
import type { AnyRun, Writers } from './any_run.ts';
import { DataRun } from './data_run.ts';
import { type Home, limitsOfPage } from './home.ts';
import type { LookedAt } from './look/look.ts';
import { FIRST_SAMPLES } from './presets.ts';
import { plainWriter } from './prompts.ts';
import { type OpenText, pinnedPrompt, requireContext, TEXT_FILE, textFileName } from './text.ts';

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

export class PageRun extends DataRun {
  readonly spec: RunSpec;
  readonly parts: RunParts;
  /** What the samples begin with. */
  readonly prompt: string;
  protected readonly data: RunData;
  /** The beginning of the validation part: nothing that the model learns from. */
  protected readonly example: string;
  readonly #promptIds: readonly number[];
  /** The step of another run that it began from. */
  #forkedAt: number | null = null;

  /** Nothing is allocated yet. @throws InputError for a text too short, or sizes that contradict each other */
  constructor(home: Home, spec: RunSpec) {
    const { settings, seed, text } = spec;
    const { corpus } = text;
    const { tokenizer, validationLength } = corpus;
    const { context, batch } = settings;
    requireContext(text, context);
    const parts = makeRun(home.machine, settings, tokenizer.vocabSize, seed);
    // A saved run keeps its own.
    const prompt = spec.prompt ?? pinnedPrompt(text);
    const promptIds = tokenizer.encode(prompt);
    const sizes = {
      vocabSize: tokenizer.vocabSize,
      validationTokens: validationLength,
      promptTokens: promptIds.length,
    };
    super(home, home.device && planRun(home.device, parts, settings, sizes, limitsOfPage(home)), parts.model);
    [this.spec, this.parts, this.prompt, this.#promptIds] = [spec, parts, prompt, promptIds];
    this.data = corpusData(
      textInMemory(corpus, corpus.name),
      settings,
      seed,
      rowsFor(validationLength, context, batch),
    );
    this.example = tokenizer.decode(corpus.validation(0, Math.min(context, validationLength)));
  }

  get settings(): PretrainSettings {
    return this.spec.settings;
  }

  get writers(): Writers {
    return { tuned: plainWriter(this.parts.generator, this.data.tokenizer), base: null };
  }

  /** As it is looked into. */
  override get looked(): LookedAt {
    return { ...super.looked, sample: (stop) => this.sample(stop) };
  }

  override async restore(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    saved: TrainingState,
    fork: boolean,
  ): Promise<void> {
    await super.restore(files, saved, fork);
    if (fork) this.#forkedAt = saved.step;
  }

  override loopOptions(own: Parameters<DataRun['loopOptions']>[0]): LoopOptions {
    return {
      ...super.loopOptions(own),
      sampleAt: FIRST_SAMPLES,
      firstLoss: (loss) => firstLossWarning(loss, this.data.tokenizer.vocabSize),
    };
  }

  override startEvent(): StartEvent {
    return { ...super.startEvent(), ...(this.#forkedAt !== null && { model: { forkedAt: this.#forkedAt } }) };
  }

  /** The visitor's text. */
  beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
    const { own } = this.spec.text;
    return new Map(own ? [[TEXT_FILE, new TextEncoder().encode(own.text)] as const] : []);
  }

  protected get seed(): number {
    return this.spec.seed;
  }

  protected get language(): LanguageModel {
    return this.parts.model;
  }

  protected kept(): RunModel {
    const { trainer } = this.parts;
    return { ...keptModel(trainer, this.data.tokenizer), load: (saved) => loadWhole(trainer, saved) };
  }

  /** As `pretrain` remembers them: no path is the book. */
  protected remembered(): Readonly<Record<string, Scalar>> {
    const { own } = this.spec.text;
    return { data: own ? textFileName(own.name) : null, samplePrompt: this.prompt, kernels: 'auto' };
  }

  protected sample(stop: () => boolean): Promise<string> {
    return sampleText(this.parts.generator, this.data, this.#promptIds, this.seed, stop);
  }
}
