// A run of either command, prepared: what its loop, its files and its picture ask for, whatever is trained and on what. Then the run
// itself, from its first step to its end.
import { RunFolder } from '../checkpoint/run.ts';
import type { Scalar, TrainingState } from '../checkpoint/training_state.ts';
import { printable } from '../data/printable.ts';
import { InputError, RunError } from '../errors.ts';
import { parameterCount } from '../nn/model.ts';
import { trainedCount } from '../optim/frozen.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import { tableOf } from '../schedule/used_table.ts';
import { withSteps } from '../train/checked_settings.ts';
import { type KeptModel, noProgress } from '../train/checkpoint_files.ts';
import type { EndEvent, Json, RunEvent, StartEvent } from '../train/events.ts';
import { type LoopOptions, type LoopProgress, loop } from '../train/loop.ts';
import { eventBytes } from '../train/memory.ts';
import type { Reference, RunData } from '../train/run_data.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { hashOf } from '../train/snapshot.ts';
import { spikeText } from '../train/spikes.ts';
import type { Weights } from '../train/step.ts';
import type { AnyTrainer, TrainingPlans } from '../train/training.ts';
import type { CommandContext } from './command.ts';
import { findRate } from './find_rate_command.ts';
import { restoreRun, stepsIn } from './run_beginning.ts';
import { RunFiles } from './run_files.ts';
import { RunShow } from './show.ts';

/** What is trained, on disk. */
export interface StoredModel extends KeptModel {
  /** Brings it to where a step folder has it. @throws InputError for a folder that lacks it */
  load(path: string): Promise<void>;
}

export interface TrainingRun extends TrainingPlans {
  readonly command: 'pretrain' | 'finetune';
  readonly device: Device;
  readonly trainer: AnyTrainer;
  readonly seed: number;
  settings: TrainingSettings;
  readonly data: RunData;
  readonly kept: StoredModel;
  /** Form by op, as the run chose them. */
  readonly kernels: KernelTable;
  /** What a checkpoint keeps beside the settings. */
  readonly remembered: Record<string, Scalar>;
  /** The model's configuration, for the start event. */
  readonly config: Json;
  /** What the run is called in `runs/NAME-N`. */
  readonly name: string;
  /** Puts the weights there that a new run begins with, where they are not drawn by chance, and what else it needs. */
  begin(): Promise<void>;
  /** See LoopOptions.figures. */
  figures?(weights: Weights, stop: () => boolean): Promise<Readonly<Record<string, number>>>;
  sample(stop: () => boolean): Promise<string>;
  /** Something to say of the first loss, or null. */
  firstLoss(loss: number): string | null;
  /** At the end of all steps, before it is told: figures for the end event, and files beside the checkpoints. @param folder of the run */
  finish?(folder: string): Promise<Pick<EndEvent, 'validation' | 'test'>>;
  /** What can be done with the result, as a line: `talk to it: npm run ...` */
  next(folder: string): string;
}

/** A run that is gone on with. */
export interface ResumedRun {
  run: RunFolder;
  /** The step folder. */
  path: string;
  state: TrainingState;
}

export interface RunRequest {
  context: CommandContext;
  flags: { minutes: number | undefined; findLr: boolean; out: string | undefined; keepEvery: number | undefined };
  /** The part of the settings that was typed. */
  typed: Partial<TrainingSettings>;
  resumed: ResumedRun | null;
}

/** Brings a run to where it begins, makes its folder and trains until the steps are done or a signal asks to stop. @returns the exit code */
export async function trainRun({ context, flags, typed, resumed }: RunRequest, run: TrainingRun): Promise<number> {
  if (!resumed && flags.minutes !== undefined)
    run.settings = withSteps(run.settings, await stepsIn(flags.minutes, run, context), typed);
  if (!resumed) await run.begin();
  if (flags.findLr) return findRate(context, run.trainer, () => run.data.next());
  const files = new RunFiles(run);
  const progress = resumed ? await restoreRun(run, resumed, files, context.out) : noProgress();
  // Nothing has been written yet, and nobody waits for it.
  if (context.signal.requested) return 0;

  const keep = flags.keepEvery === undefined ? {} : { keepEvery: flags.keepEvery };
  const folder = resumed?.run ?? RunFolder.create(flags.out ?? null, run.name, keep);
  try {
    files.run = folder;
    await train(context, run, files, progress);
    return 0;
  } finally {
    if (!resumed) folder.close();
  }
}

/** Runs the loop, shows and writes what it tells, and says what can be done next. @throws RunError naming the last checkpoint */
async function train(context: CommandContext, run: TrainingRun, files: RunFiles, progress: LoopProgress) {
  const { out } = context;
  const { device, trainer, settings } = run;
  const references = run.data.references();
  const show = new RunShow(out, { totalSteps: settings.steps, references });
  const emit = (event: RunEvent) => {
    show.event(event);
    files.log(event, out);
  };
  const { path } = files.run!;
  let ended: boolean;
  emit(startEvent(run));
  try {
    for await (const event of loop(trainer, loopOptions(run, files, references, context), progress)) {
      if (event.event === 'phase') show.phase(event.text);
      else emit(event);
    }
    ended = trainer.step >= settings.steps && progress.evaluatedAt === trainer.step;
    if (ended) {
      if (run.finish) show.phase('measuring');
      const figures = (await run.finish?.(path).catch(refusedLate)) ?? {};
      const parameterHash = await hashOf(device, trainer.model);
      // What Ctrl-C cut short is measured when the run goes on.
      ended = !(run.finish && context.signal.requested);
      const { step } = trainer;
      if (ended) emit({ event: 'end', step, validationLoss: progress.validationLoss!, ...figures, parameterHash });
    }
  } catch (error) {
    show.end();
    if (error instanceof RunError) throw new RunError(`${error.message} ${files.lastSaved()}`, { cause: error });
    throw error;
  }
  await files.report(references, out);
  show.end();
  out.log(`report: ${path}/report.html`);
  out.log(ended ? run.next(path) : `go on with: npm run ${run.command} -- --resume ${path}`);
}

/** Whoever refuses what is measured at the end: the run has been made, and is saved. */
function refusedLate(error: unknown): never {
  throw error instanceof InputError ? new RunError(error.message, { cause: error }) : error;
}

/** What the loop asks for: batches, samples, saves, and words for what it finds. */
function loopOptions(
  run: TrainingRun,
  files: RunFiles,
  references: readonly Reference[],
  { out, signal }: CommandContext,
): LoopOptions {
  const { settings, data } = run;
  const decode = (ids: readonly number[]) => printable(data.tokenizer.decode(ids), true);
  const stop = () => signal.requested;
  return {
    ...settings,
    maxSteps: settings.steps,
    tokensPerStep: data.tokensPerStep,
    batches: () => data.next(),
    validationBatches: () => data.validationBatches(),
    trainBatches: () => data.trainBatches(),
    ...(run.figures && { figures: (weights: Weights) => run.figures!(weights, stop) }),
    sample: () => run.sample(stop),
    spikeText: (result) => spikeText(result, decode),
    firstLoss: (loss) => run.firstLoss(loss),
    save: (now, last) => files.save(now, last, out, references),
    stop,
  };
}

function startEvent({ device, trainer, data, plans, memory, settings, remembered, config }: TrainingRun): StartEvent {
  const parameters = parameterCount(trainer.model);
  const trained = trainedCount(trainer.model);
  return {
    event: 'start',
    parameters,
    ...(trained < parameters && { trainedParameters: trained }),
    ...(remembered.model !== undefined && { model: { name: remembered.model, hash: remembered.modelHash! } }),
    config,
    dataset: data.dataset,
    adapter: device.name,
    dtype: settings.dtype,
    kernels: { ...tableOf(plans, device.capabilities, device.kernels) },
    kernelsFrom: device.kernelsFrom,
    memory: eventBytes(memory),
  };
}
