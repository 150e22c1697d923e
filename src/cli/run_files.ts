// What a run writes: checkpoints with everything a resume needs, and the report.
import { diskLayer, replaceFile, systemError } from '../checkpoint/files.ts';
import type { RunFolder } from '../checkpoint/run.ts';
import { compareResume, type TrainingState } from '../checkpoint/training_state.ts';
import { RunError } from '../errors.ts';
import { checkpointFiles, noProgress, type SavedParts, trainingState } from '../train/checkpoint_files.ts';
import type { Json, RunEvent, SampleEvent } from '../train/events.ts';
import type { LoopProgress } from '../train/loop.ts';
import type { Reference } from '../train/run_data.ts';
import type { Output } from './output.ts';
import { reportHtml } from './report.ts';
import type { TrainingRun } from './training_run.ts';
import { version } from './version.ts';

/** Saves that may fail one after the other (a full disk) before the run stops. */
const MOST_FAILED_SAVES = 3;

export class RunFiles {
  run: RunFolder | null = null;
  readonly settings: SavedParts['settings'];
  readonly #parts: SavedParts;
  readonly #unit: string | undefined;
  #failedSaves = 0;
  #logFails = false;
  #saved: string | null = null;

  constructor({ device, trainer, kept, data, seed, kernels, settings, remembered }: TrainingRun) {
    const versions = { shaderformer: version(), node: process.versions.node };
    const { tokenizer, sampler, hash: dataHash } = data;
    this.settings = { ...settings, ...remembered };
    this.#unit = data.unit;
    const own = { machine: device, trainer, kept, tokenizer, dataHash, settings: this.settings };
    this.#parts = { ...own, seed, sampler, kernels, versions };
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
    const files = await checkpointFiles(this.#parts, progress);
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

  /** @throws InputError if the run that was saved is another than the one that now would go on */
  check(saved: TrainingState, path: string, out: Output): void {
    const state = trainingState(this.#parts, noProgress());
    // Data may have moved: its hash decides.
    const now = { ...state, settings: new Map(state.settings).set('data', saved.settings.get('data') ?? null) };
    for (const line of compareResume(saved, now, path)) out.note(line);
    this.#saved = path;
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
    const html = reportHtml({
      title: name,
      runs: [shown],
      references,
      ...(this.#unit !== undefined && { unit: this.#unit }),
    });
    const { path } = this.run!;
    try {
      await replaceFile(diskLayer, path, 'report.html', new TextEncoder().encode(html));
    } catch (error) {
      diskLayer.remove(`${path}/.tmp-report.html`);
      out.warn(`${path}/report.html: could not be written: ${systemError(error)}. The run goes on.`);
    }
  }
}
