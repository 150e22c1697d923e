// One pretraining run, from settings and a device to checkpoints. What can be refused is refused before the run folder is made.
import { checkVocabulary } from '../checkpoint/model_config.ts';
import { RunFolder } from '../checkpoint/run.ts';
import type { TrainingState } from '../checkpoint/training_state.ts';
import { type Corpus, requireContext } from '../data/corpus.ts';
import { RunError } from '../errors.ts';
import { parameterCount } from '../nn/model.ts';
import { trainedCount } from '../optim/frozen.ts';
import type { Device } from '../runtime/device.ts';
import { tableOf } from '../schedule/used_table.ts';
import { noProgress } from '../train/checkpoint_files.ts';
import type { RunEvent, StartEvent } from '../train/events.ts';
import { type LoopOptions, type LoopProgress, loop } from '../train/loop.ts';
import { evaluationBatches, type Stretch, TRAIN_PARTS } from '../train/loss_batches.ts';
import { eventBytes } from '../train/memory.ts';
import type { PretrainSettings } from '../train/presets.ts';
import { SAMPLE_TOKENS } from '../train/run_plans.ts';
import { hashOf } from '../train/snapshot.ts';
import { firstLossWarning, spikeText } from '../train/spikes.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import type { Reference } from './curve.ts';
import { findRate } from './find_rate_command.ts';
import type { FlagValues } from './flags.ts';
import { nextBatches, type PreparedRun, prepareRun } from './prepared_run.ts';
import { chooseData, type DataChoice, datasetOf, refuseOtherTexts } from './pretrain_data.ts';
import type { pretrainFlags } from './pretrain_flags.ts';
import { withSteps } from './pretrain_settings.ts';
import { nameOf, openText, referencesOf } from './pretrain_text.ts';
import { printable } from './printable.ts';
import { restoreRun, stepsIn } from './run_beginning.ts';
import { RunFiles } from './run_files.ts';
import { RunShow } from './show.ts';
import { type StartingModel, startFrom } from './starting_model.ts';

/** A run that is gone on with. */
export interface ResumedRun {
  run: RunFolder;
  /** The step folder. */
  path: string;
  state: TrainingState;
}

export interface PretrainRequest {
  context: CommandContext;
  flags: FlagValues<typeof pretrainFlags> & GlobalValues;
  device: Device;
  settings: PretrainSettings;
  /** The part of the settings that was typed. */
  typed: Partial<PretrainSettings>;
  /** null where a run or a model is gone on with */
  preset: string | null;
  /** The model that a new run begins from; null where it begins from nothing. */
  start: StartingModel | null;
  resumed: ResumedRun | null;
}

/** Trains until the steps are done or a signal asks to stop. @returns the exit code */
export async function pretrainOn(request: PretrainRequest): Promise<number> {
  const { context, flags, settings, start, resumed } = request;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const data = chooseData(flags, settings.windows, saved);
  const tokenizerDir = resumed?.path ?? (start?.hasTokenizer ? start.dir : null);
  const corpus = await openText(data, settings, tokenizerDir, context);
  try {
    if (start) checkVocabulary(start.config, corpus.tokenizer.vocabSize, start.dir);
    if (saved) refuseOtherTexts(data, corpus, saved);
    requireContext(corpus, settings.context);
    return await trainOn(request, corpus, data);
  } finally {
    corpus.close();
  }
}

/** Prepares the run, brings it to where it begins, makes its folder and trains. */
async function trainOn(request: PretrainRequest, corpus: Corpus, data: DataChoice): Promise<number> {
  const { context, flags, device, typed, preset, start, resumed } = request;
  const run = prepareRun(request, corpus, data);
  if (!resumed && flags.minutes !== undefined)
    run.settings = withSteps(run.settings, await stepsIn(flags.minutes, run, context), typed);
  if (start) run.remembered.modelHash = await startFrom(start, run.trainer, device, context);
  if (flags.findLr) return findRate(context, run.trainer, () => nextBatches(run));
  const { tokenizer } = corpus;
  const files = new RunFiles({ ...run, device, tokenizer, settings: { ...run.settings, ...run.remembered } });
  const progress = resumed ? await restoreRun(run, resumed, files, context.out) : noProgress();
  // Nothing has been written yet, and nobody waits for it.
  if (context.signal.requested) return 0;

  const keep = flags.keepEvery === undefined ? {} : { keepEvery: flags.keepEvery };
  const folder =
    resumed?.run ?? RunFolder.create(flags.out ?? null, nameOf(data.paths[0], preset ?? start?.name ?? null), keep);
  try {
    files.run = folder;
    await train(request, run, files, progress);
    return 0;
  } finally {
    if (!resumed) folder.close();
  }
}

/** Runs the loop, shows and writes what it tells, and says what can be done next. @throws RunError naming the last checkpoint */
async function train(
  { context, device }: PretrainRequest,
  run: PreparedRun,
  files: RunFiles,
  progress: LoopProgress,
): Promise<void> {
  const { out } = context;
  const { trainer, model, settings } = run;
  const references = referencesOf(run.corpus);
  const show = new RunShow(out, { totalSteps: settings.steps, references });
  const emit = (event: RunEvent) => {
    show.event(event);
    files.log(event, out);
  };
  emit(startEvent(device, run));
  try {
    for await (const event of loop(trainer, loopOptions(run, files, references, context), progress)) {
      if (event.event === 'phase') show.phase(event.text);
      else emit(event);
    }
  } catch (error) {
    show.end();
    if (error instanceof RunError) throw new RunError(`${error.message} ${files.lastSaved()}`, { cause: error });
    throw error;
  }
  const ended = trainer.step >= settings.steps && progress.evaluatedAt === trainer.step;
  if (ended) {
    const parameterHash = await hashOf(device, model);
    emit({ event: 'end', step: trainer.step, validationLoss: progress.validationLoss!, parameterHash });
  }
  await files.report(references, out);
  show.end();
  const { path } = files.run!;
  out.log(`report: ${path}/report.html`);
  if (ended) out.log(`talk to it: npm run generate -- --model ${path} --prompt "..."`);
  else out.log(`go on with: npm run pretrain -- --resume ${path}`);
}

/** What the loop asks for: batches, samples, saves, and words for what it finds. */
function loopOptions(
  run: PreparedRun,
  files: RunFiles,
  references: readonly Reference[],
  { out, signal }: CommandContext,
): LoopOptions {
  const { settings, corpus, rows } = run;
  const { context } = settings;
  const { trainLength, trainEnds, validationLength, validationEnds, tokenizer } = corpus;
  const trained: Stretch = { length: trainLength, ends: trainEnds, read: (s, n) => corpus.train(s, n) };
  const validation: Stretch = {
    length: validationLength,
    ends: validationEnds,
    read: (s, n) => corpus.validation(s, n),
  };
  const decode = (ids: readonly number[]) => printable(tokenizer.decode(ids), true);
  const stop = () => signal.requested;
  return {
    ...settings,
    maxSteps: settings.steps,
    tokensPerStep: settings.accumulate * settings.batch * context,
    batches: () => nextBatches(run),
    validationBatches: () => evaluationBatches(validation, context, rows, settings.evalBatches),
    trainBatches: () => evaluationBatches(trained, context, rows, TRAIN_PARTS),
    sample: () => sampleText(run, stop),
    spikeText: (result) => spikeText(result, decode),
    // A model that has learnt already knows more than to guess.
    firstLoss: (loss) => (run.remembered.model === undefined ? firstLossWarning(loss, tokenizer.vocabSize) : null),
    save: (now, last) => files.save(now, last, out, references),
    stop,
  };
}

function startEvent(device: Device, run: PreparedRun): StartEvent {
  const { corpus, model, plans, memory, settings, remembered } = run;
  const parameters = parameterCount(model);
  const trained = trainedCount(model);
  return {
    event: 'start',
    parameters,
    ...(trained < parameters && { trainedParameters: trained }),
    ...(remembered.model !== undefined && { model: { name: remembered.model, hash: remembered.modelHash! } }),
    config: { ...model.config },
    dataset: datasetOf(corpus),
    adapter: device.name,
    dtype: settings.dtype,
    kernels: { ...tableOf(plans, device.capabilities, device.kernels) },
    kernelsFrom: device.kernelsFrom,
    memory: eventBytes(memory),
  };
}

async function sampleText(
  { generator, corpus: { tokenizer }, prompt, seed }: PreparedRun,
  stop: () => boolean,
): Promise<string> {
  const decoder = tokenizer.decoder(prompt);
  let sample = tokenizer.decode(prompt);
  for await (const { id } of generator.generate(prompt, { maxNewTokens: SAMPLE_TOKENS, temperature: 0.8, seed })) {
    sample += decoder.push(id);
    if (stop()) break;
  }
  return sample + decoder.end();
}
