// What a run writes: checkpoints with everything a resume needs, and the report.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { diskLayer, replaceFile } from '../checkpoint/files.ts';
import { generationConfigJson, gpt2ConfigJson } from '../checkpoint/gpt2_config.ts';
import type { RunFolder } from '../checkpoint/run.ts';
import type { FileContent } from '../checkpoint/step_folder.ts';
import { compareResume, type Scalar, type TrainingState, trainingStateJson } from '../checkpoint/training_state.ts';
import type { Corpus } from '../data/corpus.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { WindowCursor, WindowSampler } from '../data/windows.ts';
import { RunError } from '../errors.ts';
import type { GPT2Config } from '../nn/gpt2.ts';
import type { Device } from '../runtime/device.ts';
import type { Json, RunEvent, SampleEvent } from '../train/events.ts';
import type { LoopProgress } from '../train/loop.ts';
import { modelFile, optimizerFile } from '../train/snapshot.ts';
import type { Trainer } from '../train/trainer.ts';
import type { Reference } from './curve.ts';
import type { Output } from './output.ts';
import { reportHtml } from './report.ts';

/** Saves that may fail one after the other (a full disk) before the run stops. */
const MOST_FAILED_SAVES = 3;

export interface RunParts {
  device: Device;
  trainer: Trainer;
  tokenizer: Tokenizer;
  corpus: Corpus;
  settings: Record<string, Scalar>;
  seed: number;
  config: GPT2Config;
  sampler: WindowSampler;
}

export class RunFiles {
  run: RunFolder | null = null;
  readonly settings: Record<string, Scalar>;
  #parts: RunParts;
  #failedSaves = 0;
  #saved: string | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.settings = parts.settings;
  }

  /** Writes a checkpoint. A save that fails is told and tried again at the next one; the third in a row ends the run. */
  async save(progress: LoopProgress, out: Output, references: readonly Reference[]): Promise<string> {
    const { device, trainer, tokenizer, config } = this.#parts;
    const ids = { bosTokenId: tokenizer.eosId, eosTokenId: tokenizer.eosId };
    const bytes = (text: string) => new TextEncoder().encode(text);
    const files = new Map<string, FileContent>([
      ['config.json', bytes(gpt2ConfigJson({ ...config, ...ids }))],
      ['generation_config.json', bytes(generationConfigJson({ ...config, ...ids }))],
      ['model.safetensors', (await modelFile(device, trainer.model)).file],
      ['optimizer.safetensors', await optimizerFile(device, trainer.optimizer)],
      ['training.json', bytes(trainingStateJson(this.state(progress)))],
    ]);
    for (const [name, text] of tokenizer.files()) files.set(name, bytes(text));
    try {
      const path = await this.run!.saveStep(progress.step, files, { best: progress.best?.step === progress.step });
      this.#failedSaves = 0;
      this.#saved = path;
      await this.report(references);
      return path;
    } catch (error) {
      if (!(error instanceof RunError) || ++this.#failedSaves >= MOST_FAILED_SAVES) throw error;
      out.warn(`${error.message} The run goes on and tries again at the next save.`);
      return this.#saved ?? this.run!.path;
    }
  }

  /** Everything beside weights and moments that decides how the run goes on. */
  state(progress: LoopProgress): TrainingState {
    const { device, trainer, corpus, tokenizer, seed, config, sampler } = this.#parts;
    const { schedule, warmupSteps, steps, learningRate, minLearningRate } = this.settings;
    const { evaluatedAt, sampledAt, validationLoss, best } = progress;
    return {
      step: progress.step,
      settings: new Map(Object.entries(this.settings)),
      model: new Map(Object.entries(config)),
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
      cursor: new Map(Object.entries({ ...sampler.state(), step: progress.step })) as Map<string, Scalar>,
      dataHash: corpus.hash,
      tokenizerHash: createHash('sha256')
        .update(tokenizer.files().get('tokenizer.json') ?? '')
        .digest('hex'),
      kernels: new Map(Object.entries(device.kernels)),
      versions: new Map(Object.entries({ shaderformer: ownVersion(), node: process.versions.node })),
      adapter: device.name,
      best: trainer.step === 0 ? null : best,
    };
  }

  /** @throws InputError if the run that was saved is another than the one that now would go on */
  check(saved: TrainingState, path: string, out: Output): void {
    const now = this.state({ step: 0, evaluatedAt: 0, sampledAt: 0, validationLoss: null, best: null });
    for (const line of compareResume(saved, now, path)) out.note(line);
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

  async report(references: readonly Reference[]): Promise<void> {
    const events = this.run!.log.read() as unknown as RunEvent[];
    const samples = events.filter((e): e is SampleEvent => e.event === 'sample');
    const html = reportHtml({
      title: this.run!.path,
      events,
      samples,
      settings: { ...this.settings, seed: this.#parts.seed } as Record<string, Json>,
      references,
      totalSteps: Number(this.settings.steps),
    });
    await replaceFile(diskLayer, this.run!.path, 'report.html', new TextEncoder().encode(html));
  }
}

function ownVersion(): string {
  return String(
    (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: unknown }).version,
  );
}
