// One pretraining run, from settings and a device to checkpoints. What can be refused is refused before the run folder is made.
import type { Batch } from '../autograd/machine.ts';
import { fileSource } from '../checkpoint/files.ts';
import { openModelFolder } from '../checkpoint/model_folder.ts';
import { RunFolder } from '../checkpoint/run.ts';
import type { TrainingState } from '../checkpoint/training_state.ts';
import { type Corpus, requireContext } from '../data/corpus.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { WindowSampler } from '../data/windows.ts';
import { RunError } from '../errors.ts';
import type { TokenGenerator } from '../generate/generate.ts';
import type { GPT2 } from '../nn/gpt2.ts';
import { parameterCount } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import { languageBatch } from '../tasks/language.ts';
import type { RunEvent, StartEvent } from '../train/events.ts';
import { type LoopOptions, type LoopProgress, loop } from '../train/loop.ts';
import { hashOf, loadModel, loadOptimizer } from '../train/snapshot.ts';
import { firstLossWarning, spikeText } from '../train/spikes.ts';
import type { Trainer } from '../train/trainer.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import { findRate, searchSettings } from './find_rate_command.ts';
import type { FlagValues } from './flags.ts';
import { fittingRun } from './forecast.ts';
import { lossBatches, type Stretch, spreadBatches } from './loss_batches.ts';
import { eventBytes } from './memory.ts';
import { tableOf } from './open_device.ts';
import type { PretrainSettings } from './presets.ts';
import { chooseData, type DataChoice, datasetOf, refuseOtherTexts, rememberedData } from './pretrain_data.ts';
import { type pretrainFlags, withSteps } from './pretrain_flags.ts';
import { nameOf, openText, referencesOf, samplePrompt } from './pretrain_text.ts';
import { printable } from './printable.ts';
import { RunFiles } from './run_files.ts';
import { SAMPLE_TOKENS } from './run_plans.ts';
import { RunShow } from './show.ts';

/** Batches of the train part that an evaluation looks at. */
const TRAIN_BATCHES = 4;

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
  /** null where a run is gone on with */
  preset: string | null;
  resumed: ResumedRun | null;
}

/** Trains until the steps are done or a signal asks to stop. @returns the exit code */
export async function pretrainOn(request: PretrainRequest): Promise<number> {
  const { context, flags, settings, resumed } = request;
  const { out } = context;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const data = chooseData(flags, settings.windows, saved);
  const corpus = await openText(data, settings, resumed?.path ?? null, out);
  try {
    if (saved) refuseOtherTexts(data, corpus, saved);
    requireContext(corpus, settings.context);
    return await trainOn(request, corpus, data);
  } finally {
    corpus.close();
  }
}

async function trainOn(request: PretrainRequest, corpus: Corpus, data: DataChoice): Promise<number> {
  const { context, flags, device, typed, preset, resumed } = request;
  const { out, signal } = context;
  let settings = flags.findLr ? searchSettings(request.settings) : request.settings;
  const { tokenizer } = corpus;
  const seed = resumed ? Number(resumed.state.random.get('seed')) : flags.seed;
  const typedPrompt = (resumed ? resumed.state.settings.get('samplePrompt') : flags.samplePrompt) as string | undefined;
  const prompt = samplePrompt(typedPrompt, corpus);
  const text = {
    vocabSize: tokenizer.vocabSize,
    validationTokens: corpus.validationLength,
    promptTokens: prompt.length,
  };
  const { memoryLimit } = flags;
  const made = fittingRun(device, settings, text, { seed, memoryLimit, mayChange: resumed === null });
  const { config, model, trainer, generator, plans, rows } = made;
  const memory = eventBytes(made.memory);
  const sampler = samplerOf(settings, corpus, seed);
  if (flags.findLr) return findRate(context, trainer, () => batchesOf(sampler, settings));

  const { trainLength, trainEnds, validationLength, validationEnds } = corpus;
  const train: Stretch = { length: trainLength, ends: trainEnds, read: (s, n) => corpus.train(s, n) };
  const validation: Stretch = {
    length: validationLength,
    ends: validationEnds,
    read: (s, n) => corpus.validation(s, n),
  };
  const kernels = resumed ? device.kernels : tableOf(plans);

  const progress: LoopProgress = { step: 0, evaluatedAt: 0, sampledAt: -1, validationLoss: null, best: null };
  const parts = { device, trainer, tokenizer, corpus, seed, config, sampler, kernels };
  const remembered = {
    ...rememberedData(data, corpus),
    samplePrompt: typedPrompt ?? null,
    kernels: (resumed ? resumed.state.settings.get('kernels') : flags.kernels) ?? 'auto',
  };
  if (!resumed && flags.minutes !== undefined) {
    const steps = await stepsIn(flags.minutes, trainer, batchesOf(sampler, settings), context);
    sampler.restore({ ...sampler.state(), step: 0 });
    settings = withSteps(settings, steps, typed);
  }
  const files = new RunFiles({ ...parts, settings: { ...settings, ...remembered } });
  if (resumed) {
    files.check(resumed.state, resumed.path, out);
    await restore(trainer, resumed.path);
    sampler.restore(files.cursor(resumed.state));
    trainer.step = resumed.state.step;
    Object.assign(progress, files.progress(resumed.state));
    await resumed.run.log.cutBack(resumed.state.step);
  }
  // Nothing has been written yet, and nobody waits for it.
  if (signal.requested) return 0;

  const keep = flags.keepEvery === undefined ? {} : { keepEvery: flags.keepEvery };
  const run = resumed?.run ?? RunFolder.create(flags.out ?? null, nameOf(data.paths[0], preset), keep);
  try {
    files.run = run;
    const references = referencesOf(corpus);
    const show = new RunShow(out, { totalSteps: settings.steps, references });
    const decode = (ids: readonly number[]) => printable(tokenizer.decode(ids), true);
    const emit = (event: RunEvent) => {
      show.event(event);
      files.log(event, out);
    };
    emit(startEvent(request, corpus, model, tableOf(plans), memory));
    const options: LoopOptions = {
      ...settings,
      maxSteps: settings.steps,
      tokensPerStep: settings.accumulate * settings.batch * settings.context,
      batches: () => batchesOf(sampler, settings),
      validationBatches: () => lossBatches(validation, settings.context, rows),
      trainBatches: () => spreadBatches(train, settings.context, rows, TRAIN_BATCHES),
      sample: () => sampleText(generator, tokenizer, prompt, seed, () => signal.requested),
      spikeText: async (batches) => (await spikeText(device, model, batches, decode))?.text ?? '',
      firstLoss: (loss) => firstLossWarning(loss, tokenizer.vocabSize),
      save: (now, last) => files.save(now, last, out, references),
      stop: () => signal.requested,
    };
    try {
      for await (const event of loop(trainer, options, progress)) {
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
    out.log(`report: ${run.path}/report.html`);
    if (ended) out.log(`talk to it: npm run generate -- --model ${run.path} --prompt "..."`);
    else out.log(`go on with: npm run pretrain -- --resume ${run.path}`);
    return 0;
  } finally {
    if (!resumed) run.close();
  }
}

/** The batches of the next step. */
function batchesOf(sampler: WindowSampler, { accumulate, context }: PretrainSettings): Batch[] {
  return Array.from({ length: accumulate }, () => languageBatch(sampler.next(), context));
}

function samplerOf({ windows, context, batch, stride }: PretrainSettings, corpus: Corpus, seed: number): WindowSampler {
  const shards = corpus.windowShards();
  const length = corpus.trainLength;
  return new WindowSampler(
    { kind: windows, length, shards, blockSize: context, batch, stride: stride || undefined, seed },
    (start, n) => corpus.train(start, n),
  );
}

function startEvent(
  { device }: PretrainRequest,
  corpus: Corpus,
  model: GPT2,
  kernels: KernelTable,
  memory: StartEvent['memory'],
): StartEvent {
  return {
    event: 'start',
    parameters: parameterCount(model),
    config: { ...model.config },
    dataset: datasetOf(corpus),
    adapter: device.name,
    kernels: { ...kernels },
    memory,
  };
}

async function sampleText(
  generator: TokenGenerator,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  seed: number,
  stop: () => boolean,
): Promise<string> {
  const decoder = tokenizer.decoder();
  let sample = tokenizer.decode(prompt);
  for await (const { id } of generator.generate(prompt, { maxNewTokens: SAMPLE_TOKENS, temperature: 0.8, seed })) {
    sample += decoder.push(id);
    if (stop()) break;
  }
  return sample + decoder.end();
}

/** Times a few steps with learning rate 0 and then forgets them, so that nothing of the run depends on it but its length. */
async function stepsIn(
  minutes: number,
  trainer: Trainer,
  batches: readonly Batch[],
  { out, signal }: CommandContext,
): Promise<number> {
  const times: number[] = [];
  const stop = () => signal.requested;
  for await (const { ms } of trainer.advance(6, () => ({ batches, learningRate: 0 }), stop)) times.push(ms);
  trainer.machine.release(trainer.tensors());
  trainer.step = 0;
  const perStep = Math.min(...times.slice(1));
  const steps = Math.max(10, Math.floor((minutes * 60_000) / perStep));
  if (!signal.requested)
    out.note(
      `${minutes} minutes are ${steps} steps here, at ${perStep.toFixed(perStep < 10 ? 1 : 0)} ms a step (evaluation and samples not counted)`,
    );
  return steps;
}

async function restore({ machine, model, optimizer, average }: Trainer, path: string): Promise<void> {
  const folder = openModelFolder(path);
  const averaged = average && openModelFolder(path, true);
  const moments = fileSource(`${path}/optimizer.safetensors`);
  try {
    await loadModel(machine, model, folder.sources);
    if (averaged) await loadModel(machine, model, averaged.sources, average.weights);
    await loadOptimizer(machine, optimizer, moments);
  } finally {
    folder.close();
    averaged?.close();
    moments.close();
  }
}
