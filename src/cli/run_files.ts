// What a run writes: checkpoints with everything a resume needs, and the report.
import { createHash } from 'node:crypto';
import { diskLayer, replaceFile, systemError } from '../checkpoint/files.ts';
import { generationConfigJson } from '../checkpoint/gpt2_config.ts';
import { modelConfigJson } from '../checkpoint/model_config.ts';
import { averageName } from '../checkpoint/model_folder.ts';
import type { RunFolder } from '../checkpoint/run.ts';
import type { FileContent } from '../checkpoint/step_folder.ts';
import { compareResume, type Scalar, type TrainingState, trainingStateJson } from '../checkpoint/training_state.ts';
import type { Corpus } from '../data/corpus.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { WindowCursor, WindowSampler } from '../data/windows.ts';
import { RunError } from '../errors.ts';
import { configScalars } from '../nn/families.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { Json, RunEvent, SampleEvent } from '../train/events.ts';
import type { LoopProgress } from '../train/loop.ts';
import { modelFile, optimizerFile } from '../train/snapshot.ts';
import type { Trainer } from '../train/trainer.ts';
import type { Reference } from './curve.ts';
import type { Output } from './output.ts';
import { reportHtml } from './report.ts';
import { version } from './version.ts';

/** Saves that may fail one after the other (a full disk) before the run stops. */
const MOST_FAILED_SAVES = 3;

export interface RunParts {
  device: Device;
  trainer: Trainer;
  tokenizer: Tokenizer;
  corpus: Corpus;
  settings: Record<string, Scalar>;
  seed: number;
  sampler: WindowSampler;
  /** Form by op, as the run chose them. */
  kernels: KernelTable;
}

export class RunFiles {
  run: RunFolder | null = null;
  readonly settings: Record<string, Scalar>;
  #parts: RunParts;
  #failedSaves = 0;
  #logFails = false;
  #saved: string | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.settings = parts.settings;
  }

  /** Appends to metrics.jsonl and samples.txt. What a full disk refuses is told once, kept, and written as soon as it is taken. */
  log(event: RunEvent, out: Output): void {
    try {
      this.run!.log.append(event as never);
      this.#logFails = false;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (!this.#logFails) out.warn(`${error.message} The run goes on.`);
      this.#logFails = true;
    }
  }

  /**
   * Writes a checkpoint. A save that fails is told and tried again at the next one; the third in a row ends the run, and so
   * does the run's last one.
   * @returns the step folder, or null if it could not be written
   */
  async save(
    progress: LoopProgress,
    last: boolean,
    out: Output,
    references: readonly Reference[],
  ): Promise<string | null> {
    const { device, trainer, tokenizer } = this.#parts;
    const ids = { bosTokenId: tokenizer.eosId, eosTokenId: tokenizer.eosId };
    const bytes = (text: string) => new TextEncoder().encode(text);
    const files = new Map<string, FileContent>([
      ['config.json', bytes(modelConfigJson(trainer.model.config, ids))],
      ['generation_config.json', bytes(generationConfigJson(ids))],
      ['model.safetensors', await modelFile(device, trainer.model)],
      ...(trainer.ema ? [[averageName, await modelFile(device, trainer.model, trainer.ema.weights)] as const] : []),
      ['optimizer.safetensors', await optimizerFile(device, trainer.optimizer)],
      ['training.json', bytes(trainingStateJson(this.state(progress)))],
    ]);
    for (const [name, text] of tokenizer.files()) files.set(name, bytes(text));
    try {
      this.#saved = await this.run!.saveStep(progress.step, files, { best: progress.best?.step === progress.step });
      this.#failedSaves = 0;
    } catch (error) {
      if (!(error instanceof RunError) || last || ++this.#failedSaves >= MOST_FAILED_SAVES) throw error;
      out.warn(`${error.message} The run goes on and tries again at the next save.`);
      return null;
    }
    await this.report(references, out);
    return this.#saved;
  }

  /** Everything beside weights and moments that decides how the run goes on. */
  state(progress: LoopProgress): TrainingState {
    const { device, trainer, corpus, tokenizer, seed, sampler, kernels } = this.#parts;
    const { schedule, warmupSteps, steps, learningRate, minLearningRate } = this.settings;
    const { evaluatedAt, sampledAt, validationLoss, best } = progress;
    return {
      step: progress.step,
      settings: new Map(Object.entries(this.settings)),
      model: configScalars(trainer.model.config),
      schedule: new Map(
        Object.entries({
          schedule: schedule!,
          warmupSteps: warmupSteps!,
          steps: steps!,
          learningRate: learningRate!,
          minLearningRate: minLearningRate!,
          evaluatedAt,
          sampledAt,
          validationLoss,
        }),
      ),
      random: new Map([['seed', seed]]),
      // Steps may be queued ahead of what is acknowledged: the cursor of this step, not of the last batch drawn.
      cursor: new Map(
        Object.entries({ ...sampler.state(), step: progress.step * Number(this.settings.accumulate) }),
      ) as Map<string, Scalar>,
      dataHash: corpus.hash,
      tokenizerHash: createHash('sha256')
        .update(tokenizer.files().get('tokenizer.json') ?? '')
        .digest('hex'),
      kernels: new Map(Object.entries(kernels)),
      versions: new Map(Object.entries({ shaderformer: version(), node: process.versions.node })),
      adapter: device.name,
      best: trainer.step === 0 ? null : best,
    };
  }

  /** @throws InputError if the run that was saved is another than the one that now would go on */
  check(saved: TrainingState, path: string, out: Output): void {
    const state = this.state({ step: 0, evaluatedAt: 0, sampledAt: 0, validationLoss: null, best: null });
    // A text may have moved: its hash decides.
    const now = { ...state, settings: new Map(state.settings).set('data', saved.settings.get('data') ?? null) };
    for (const line of compareResume(saved, now, path)) out.note(line);
    this.#saved = path;
  }

  cursor(saved: TrainingState): WindowCursor {
    return Object.fromEntries(saved.cursor) as unknown as WindowCursor;
  }

  progress(saved: TrainingState): LoopProgress {
    const number = (key: string) => Number(saved.schedule.get(key) ?? 0);
    const loss = saved.schedule.get('validationLoss');
    return {
      step: saved.step,
      evaluatedAt: number('evaluatedAt'),
      sampledAt: number('sampledAt'),
      validationLoss: typeof loss === 'number' ? loss : null,
      best: saved.best,
    };
  }

  /** A sentence about where to go on after a failure. */
  lastSaved(): string {
    if (!this.run) return '';
    return this.#saved
      ? `The last good checkpoint is ${this.#saved}; go on with --resume ${this.run.path}.`
      : `Nothing had been saved yet in ${this.run.path}.`;
  }

  /** Writes report.html; a disk that refuses it is told, and nothing else. */
  async report(references: readonly Reference[], out: Output): Promise<void> {
    const events = this.run!.log.read() as unknown as RunEvent[];
    const samples = events.filter((e): e is SampleEvent => e.event === 'sample');
    const settings = { ...this.settings, seed: this.#parts.seed } as Record<string, Json>;
    const name = this.run!.path;
    const shown = { name, events, samples, settings, totalSteps: Number(this.settings.steps) };
    const html = reportHtml({ title: name, runs: [shown], references });
    const { path } = this.run!;
    try {
      await replaceFile(diskLayer, path, 'report.html', new TextEncoder().encode(html));
    } catch (error) {
      diskLayer.remove(`${path}/.tmp-report.html`);
      out.warn(`${path}/report.html: could not be written: ${systemError(error)}. The run goes on.`);
    }
  }
}
