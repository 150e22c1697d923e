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
import { TokenGenerator } from '../generate/generate.ts';
import { GPT2, gpt2Config } from '../nn/gpt2.ts';
import { parameterCount } from '../nn/model.ts';
import { AdamW } from '../optim/adamw.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import { languageBatch, languageTask } from '../tasks/language.ts';
import type { RunEvent, StartEvent } from '../train/events.ts';
import { type LoopOptions, type LoopProgress, loop } from '../train/loop.ts';
import { hashOf, loadModel, loadOptimizer } from '../train/snapshot.ts';
import { Trainer } from '../train/trainer.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import type { FlagValues } from './flags.ts';
import { refuseSizes, refuseTooLarge } from './forecast.ts';
import { lossBatches, plannedBatch, rowsFor, type Stretch, spreadBatches } from './loss_batches.ts';
import { tableOf } from './open_device.ts';
import type { PretrainSettings } from './presets.ts';
import { type pretrainFlags, withSteps } from './pretrain_flags.ts';
import { nameOf, openText, referencesOf, samplePrompt } from './pretrain_text.ts';
import { RunFiles } from './run_files.ts';
import { RunShow } from './show.ts';

/** Batches of the train part that an evaluation looks at. */
const TRAIN_BATCHES = 4;
const SAMPLE_TOKENS = 160;

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
  const data = flags.data ?? (resumed?.state.settings.get('data') as string | null | undefined) ?? undefined;
  const corpus = await openText(data, settings, resumed?.path ?? null, out);
  try {
    requireContext(corpus, settings.context);
    return await trainOn(request, corpus, data);
  } finally {
    corpus.close();
  }
}

async function trainOn(request: PretrainRequest, corpus: Corpus, data: string | undefined): Promise<number> {
  const { context, flags, device, typed, preset, resumed } = request;
  const { out, signal } = context;
  let { settings } = request;
  const { tokenizer } = corpus;
  const seed = resumed ? Number(resumed.state.random.get('seed')) : flags.seed;
  const config = configOf(settings, tokenizer);
  refuseSizes(device, config, settings);
  const model = new GPT2(config, { seed });
  const { gradClip, labelSmoothing } = settings;
  const optimizer = new AdamW(model.parameters, { ...settings, gradClip: gradClip || null });
  const [task, evaluation] = [languageTask({ labelSmoothing }), languageTask()];
  const trainer = new Trainer({ machine: device, model, optimizer, task, evaluation });
  const generator = new TokenGenerator(device, model);
  const sampler = samplerOf(settings, corpus, seed);
  const typedPrompt = (resumed ? resumed.state.settings.get('samplePrompt') : flags.samplePrompt) as string | undefined;
  const prompt = samplePrompt(typedPrompt, corpus);

  const validation: Stretch = { length: corpus.validationLength, read: (s, n) => corpus.validation(s, n) };
  const train: Stretch = { length: corpus.trainLength, read: (s, n) => corpus.train(s, n) };
  const rows = rowsFor(validation.length, settings.context, tokenizer.vocabSize);
  const plans = [
    device.plan(trainer.stepFunction, plannedBatch(settings.batch, settings.context)),
    device.plan(trainer.evaluationFunction, plannedBatch(rows, settings.context)),
    ...(settings.sampleEvery > 0 ? generator.shapes(prompt.length, SAMPLE_TOKENS) : []).map((shape) =>
      device.plan(generator.stepFunction, shape),
    ),
  ];
  const memory = refuseTooLarge(device, plans, settings);
  const kernels = resumed ? device.kernels : tableOf(plans);

  const progress: LoopProgress = { step: 0, evaluatedAt: 0, sampledAt: -1, validationLoss: null, best: null };
  const parts = { device, trainer, tokenizer, corpus, seed, config, sampler, kernels };
  const remembered = {
    data: data ?? null,
    samplePrompt: typedPrompt ?? null,
    kernels: (resumed ? resumed.state.settings.get('kernels') : flags.kernels) ?? 'auto',
  };
  if (!resumed && flags.minutes !== undefined) {
    const steps = await stepsIn(flags.minutes, trainer, languageBatch(sampler.next(), settings.context), context);
    sampler.restore({ ...sampler.state(), step: 0 });
    settings = withSteps(settings, steps, typed);
  }
  const files = new RunFiles({ ...parts, settings: { ...settings, ...remembered } });
  if (resumed) {
    files.check(resumed.state, resumed.path, out);
    await restore(trainer, model, optimizer, resumed.path);
    sampler.restore(files.cursor(resumed.state));
    trainer.step = resumed.state.step;
    Object.assign(progress, files.progress(resumed.state));
    await resumed.run.log.cutBack(resumed.state.step);
  }
  // Nothing has been written yet, and nobody waits for it.
  if (signal.requested) return 0;

  const keep = flags.keepEvery === undefined ? {} : { keepEvery: flags.keepEvery };
  const run = resumed?.run ?? RunFolder.create(flags.out ?? null, nameOf(data, preset), keep);
  try {
    files.run = run;
    const references = referencesOf(corpus);
    const show = new RunShow(out, { totalSteps: settings.steps, references });
    const emit = (event: RunEvent) => {
      show.event(event);
      files.log(event, out);
    };
    emit(startEvent(request, corpus, model, tableOf(plans), memory));
    const options: LoopOptions = {
      ...settings,
      maxSteps: settings.steps,
      tokensPerStep: settings.batch * settings.context,
      batch: () => languageBatch(sampler.next(), settings.context),
      validationBatches: () => lossBatches(validation, settings.context, rows),
      trainBatches: () => spreadBatches(train, settings.context, rows, TRAIN_BATCHES),
      sample: () => sampleText(generator, tokenizer, prompt, seed, () => signal.requested),
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

function configOf(s: PretrainSettings, tokenizer: Tokenizer) {
  return gpt2Config({
    vocabSize: tokenizer.vocabSize,
    blockSize: s.context,
    nEmbd: s.width,
    nLayer: s.layers,
    nHead: s.heads,
    initializerRange: s.initStd,
    bias: s.bias,
  });
}

function samplerOf({ windows, context, batch, stride }: PretrainSettings, corpus: Corpus, seed: number): WindowSampler {
  return new WindowSampler(
    { kind: windows, length: corpus.trainLength, blockSize: context, batch, stride: stride || undefined, seed },
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
  const { tokenizer } = corpus;
  return {
    event: 'start',
    parameters: parameterCount(model),
    config: { ...model.config },
    dataset: {
      name: corpus.name,
      bytes: corpus.bytes,
      trainTokens: corpus.trainLength,
      validationTokens: corpus.validationLength,
      tokenizer: tokenizer.kind,
      vocabSize: tokenizer.vocabSize,
    },
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
  batch: Batch,
  { out, signal }: CommandContext,
): Promise<number> {
  const times: number[] = [];
  const stop = () => signal.requested;
  for await (const { ms } of trainer.advance(6, () => ({ batch, learningRate: 0 }), stop)) times.push(ms);
  trainer.machine.release([...trainer.model.parameters, ...trainer.optimizer.tensors()]);
  trainer.step = 0;
  const perStep = Math.min(...times.slice(1));
  const steps = Math.max(10, Math.floor((minutes * 60_000) / perStep));
  if (!signal.requested)
    out.note(
      `${minutes} minutes are ${steps} steps here, at ${perStep.toFixed(perStep < 10 ? 1 : 0)} ms a step (evaluation and samples not counted)`,
    );
  return steps;
}

async function restore(trainer: Trainer, model: GPT2, optimizer: AdamW, path: string): Promise<void> {
  const folder = openModelFolder(path);
  const moments = fileSource(`${path}/optimizer.safetensors`);
  try {
    await loadModel(trainer.machine, model, folder.sources);
    await loadOptimizer(trainer.machine, optimizer, moments);
  } finally {
    folder.close();
    moments.close();
  }
}
