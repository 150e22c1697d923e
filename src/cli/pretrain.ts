// pretrain: text in, a language model out. Everything that can be refused is refused before the run folder is made.
import type { Batch } from '../autograd/machine.ts';
import { fileSource } from '../checkpoint/files.ts';
import { openModelFolder } from '../checkpoint/model_folder.ts';
import { RunFolder } from '../checkpoint/run.ts';
import { parseTrainingState, type TrainingState } from '../checkpoint/training_state.ts';
import { type Corpus, openCorpus, requireContext } from '../data/corpus.ts';
import { countingBaselines, tokenChunks } from '../data/counting.ts';
import type { Tokenizer, TokenizerKind } from '../data/tokenizer.ts';
import { validationWindows, WindowSampler } from '../data/windows.ts';
import { InputError, RunError } from '../errors.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { GPT2, gpt2Config } from '../nn/gpt2.ts';
import { parameterCount } from '../nn/model.ts';
import { AdamW } from '../optim/adamw.ts';
import type { Device } from '../runtime/device.ts';
import { languageBatch, languageTask } from '../tasks/language.ts';
import type { RunEvent } from '../train/events.ts';
import { type LoopOptions, type LoopProgress, loop } from '../train/loop.ts';
import { hashOf, loadModel, loadOptimizer } from '../train/snapshot.ts';
import { Trainer } from '../train/trainer.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import type { Reference } from './curve.ts';
import type { FlagValues } from './flags.ts';
import { readTokenizer, tokenCache } from './folders.ts';
import { refuseTooLarge } from './forecast.ts';
import { deviceFor } from './open_device.ts';
import { PRESETS, type PretrainSettings, presetFor } from './presets.ts';
import { newSettings, pretrainFlags, resumedSettings, typedSettings } from './pretrain_flags.ts';
import { RunFiles } from './run_files.ts';
import { RunShow } from './show.ts';

type Flags = FlagValues<typeof pretrainFlags> & GlobalValues;

/** Tokens of one batch of an evaluation, about: large enough that dispatches do not count. */
const EVAL_TOKENS = 4096;
/** Batches of the train part that an evaluation looks at. */
const TRAIN_BATCHES = 4;
const SAMPLE_TOKENS = 160;

export const pretrain = defineCommand({
  name: 'pretrain',
  summary: 'trains a language model from nothing on text',
  flags: pretrainFlags,
  examples: ['pretrain', 'pretrain --data book.txt --minutes 10', 'pretrain --resume runs/moby-1'],
  stopsAtSignal: true,
  async run(context, flags) {
    const { out, given } = context;
    const typed = typedSettings(flags, given);
    if (flags.minutes !== undefined && given.has('steps'))
      throw new InputError('--minutes: found together with --steps, expected one of the two.');
    if (flags.resume !== undefined && (given.has('out') || given.has('preset') || given.has('minutes'))) {
      throw new InputError(
        '--resume: found together with --out, --preset or --minutes, expected none of them: the run goes on in its own folder with its own settings.',
      );
    }
    const resumed = flags.resume === undefined ? null : RunFolder.openForResume(flags.resume, keep(flags));
    try {
      for (const line of resumed?.passedOver ?? []) out.note(line);
      const saved =
        resumed && parseTrainingState(await text(`${resumed.path}/training.json`), `${resumed.path}/training.json`);
      if (resumed && saved && saved.step >= Number(typed.steps ?? saved.settings.get('steps')))
        return printEnd(context, resumed.run);
      const show = new RunShow(out, { totalSteps: 0 });
      const device = await deviceFor(
        context,
        flags,
        (done, total) => show.phase('compiling kernel', done, total),
        saved ? (Object.fromEntries(saved.kernels) as Record<string, string>) : undefined,
      );
      try {
        return await train(
          context,
          flags,
          device,
          resumed && saved ? { run: resumed.run, path: resumed.path, state: saved } : null,
        );
      } finally {
        device.close();
      }
    } finally {
      resumed?.run.close();
    }
  },
});

interface ResumedRun {
  run: RunFolder;
  path: string;
  state: TrainingState;
}

async function train(
  context: CommandContext,
  flags: Flags,
  device: Device,
  resumed: ResumedRun | null,
): Promise<number> {
  const { out, signal, given } = context;
  const typed = typedSettings(flags, given);
  const preset = resumed ? null : choosePreset(flags, device, out);
  const settings = resumed ? resumedSettings(resumed.state, typed, resumed.path) : newSettings(preset!, typed);
  const seed = resumed && !given.has('seed') ? Number(resumed.state.random.get('seed')) : flags.seed;
  const data = flags.data ?? (resumed?.state.settings.get('data') as string | null) ?? undefined;

  const waiting = new RunShow(out, { totalSteps: 0 });
  const corpus = await openCorpus({
    data,
    tokenizer: await tokenizerFor(settings.tokenizer, resumed),
    validationPart: settings.validationPart,
    cacheDir: tokenCache(),
    onProgress: (p) =>
      p.kind === 'note' ? out.note(p.text) : waiting.phase(p.kind, p.total ? p.bytes / p.total : undefined),
  });
  waiting.end();
  try {
    requireContext(corpus, settings.context);
    const { tokenizer } = corpus;
    const model = new GPT2(configOf(settings, tokenizer), { seed });
    const optimizer = new AdamW(model.parameters, { ...settings, gradClip: settings.gradClip || null });
    const { labelSmoothing } = settings;
    const trainer = new Trainer({
      machine: device,
      model,
      optimizer,
      task: languageTask({ labelSmoothing }),
      evaluation: languageTask(),
    });
    const sampler = new WindowSampler(
      {
        kind: settings.windows,
        length: corpus.trainLength,
        blockSize: settings.context,
        batch: settings.batch,
        stride: settings.stride || undefined,
        seed,
      },
      (s, n) => corpus.train(s, n),
    );
    const nextBatch = () => languageBatch(sampler.next(), settings.context);
    const memory = refuseTooLarge(device, trainer, emptyBatch(settings), settings);

    const files = new RunFiles({
      device,
      trainer,
      tokenizer,
      corpus,
      settings: { ...settings, data: data ?? null },
      seed,
      config: configOf(settings, tokenizer),
      sampler,
    });
    const progress: LoopProgress = { step: 0, evaluatedAt: 0, sampledAt: 0, validationLoss: null, best: null };
    if (resumed) {
      files.check(resumed.state, resumed.path, out);
      await restore(device, trainer, model, optimizer, resumed.path);
      sampler.restore(files.cursor(resumed.state));
      trainer.step = resumed.state.step;
      Object.assign(progress, files.progress(resumed.state));
      await resumed.run.log.cutBack(resumed.state.step);
    } else if (flags.minutes !== undefined) {
      settings.steps = await stepsIn(flags.minutes, trainer, languageBatch(sampler.next(), settings.context), out);
      sampler.restore({ ...sampler.state(), step: 0 });
      settings.warmupSteps = typed.warmupSteps ?? Math.min(settings.warmupSteps, Math.floor(settings.steps / 10));
      files.settings.steps = settings.steps;
      files.settings.warmupSteps = settings.warmupSteps;
    }
    const run =
      resumed?.run ??
      RunFolder.create(
        flags.out ?? null,
        preset?.startsWith('moby') && !data ? 'moby' : nameOf(data, preset),
        keep(flags),
      );
    try {
      files.run = run;
      const references = referencesOf(corpus);
      const show = new RunShow(out, { totalSteps: settings.steps, references });
      const emit = (event: RunEvent) => {
        run.log.append(event as never);
        show.event(event);
      };
      emit({
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
        kernels: flags.kernels,
        memory,
      });
      const generator = new TokenGenerator(device, model);
      const prompt = samplePrompt(flags.samplePrompt, corpus);
      const options: LoopOptions = {
        ...settings,
        maxSteps: settings.steps,
        tokensPerStep: settings.batch * settings.context,
        batch: nextBatch,
        validationBatches: () =>
          evaluationBatches(corpus.validationLength, (s, n) => corpus.validation(s, n), settings.context),
        trainBatches: () => trainBatches(corpus, settings.context),
        sample: async () => {
          const decoder = tokenizer.decoder();
          let sample = tokenizer.decode(prompt);
          for await (const { id } of generator.generate(prompt, {
            maxNewTokens: SAMPLE_TOKENS,
            temperature: 0.8,
            seed,
          })) {
            sample += decoder.push(id);
            if (signal.requested) break;
          }
          return sample + decoder.end();
        },
        save: (now) => files.save(now, out, references),
        stop: () => signal.requested,
      };
      try {
        for await (const event of loop(trainer, options, progress)) {
          if (event.event === 'phase') show.phase(event.text);
          else emit(event);
        }
      } catch (error) {
        show.end();
        if (error instanceof RunError) throw new RunError(`${error.message} ${files.lastSaved()}`);
        throw error;
      }
      if (trainer.step >= settings.steps && !signal.requested) {
        emit({
          event: 'end',
          step: trainer.step,
          validationLoss: progress.validationLoss!,
          parameterHash: await hashOf(device, model),
        });
      }
      await files.report(references);
      show.end();
      out.log(`report: ${run.path}/report.html`);
      if (signal.requested) out.log(`go on with: npm run pretrain -- --resume ${run.path}`);
      else out.log(`talk to it: npm run generate -- --model ${run.path} --prompt "..."`);
      return 0;
    } finally {
      if (!resumed) run.close();
    }
  } finally {
    corpus.close();
  }
}

function keep(flags: Flags) {
  return flags.keepEvery === undefined ? {} : { keepEvery: flags.keepEvery };
}

function choosePreset(flags: Flags, device: Device, out: CommandContext['out']): string {
  if (flags.preset !== undefined) return flags.preset;
  const { name, kind } = presetFor({ software: device.opened.software, vendor: device.opened.adapter.info.vendor });
  out.note(`preset: ${name} (${PRESETS[name]!.about}), for a ${kind} adapter; --preset chooses another`);
  return name;
}

async function tokenizerFor(name: string, resumed: ResumedRun | null): Promise<TokenizerKind | Tokenizer> {
  if (resumed) return readTokenizer(resumed.path);
  if (name === 'char' || name === 'byte' || name === 'gpt2') return name;
  return readTokenizer(name);
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

function emptyBatch({ batch, context }: PretrainSettings): Batch {
  return languageBatch({ inputs: new Int32Array(batch * context), targets: new Int32Array(batch * context) }, context);
}

function* evaluationBatches(
  length: number,
  read: (start: number, n: number) => Int32Array,
  context: number,
): Generator<Batch> {
  const rows = Math.max(1, Math.floor(EVAL_TOKENS / context));
  for (const batch of validationWindows(length, context, rows, read)) yield languageBatch(batch, context);
}

/** A few stretches spread evenly over the train part, the same at every evaluation. */
function* trainBatches(corpus: Corpus, context: number): Generator<Batch> {
  const span = Math.min(corpus.trainLength, Math.max(1, Math.floor(EVAL_TOKENS / context)) * context + 1);
  for (let i = 0; i < TRAIN_BATCHES; i++) {
    const start = Math.floor(((corpus.trainLength - span) * i) / TRAIN_BATCHES);
    yield* evaluationBatches(span, (s, n) => corpus.train(start + s, n), context);
  }
}

function referencesOf(corpus: Corpus): Reference[] {
  const guessing = {
    label: `guessing among ${corpus.tokenizer.vocabSize}`,
    value: Math.log(corpus.tokenizer.vocabSize),
  };
  if (corpus.tokenizer.vocabSize > 1024) return [guessing];
  const chunks = (read: (s: number, n: number) => Int32Array, length: number) => tokenChunks(read, length);
  const { unigram, bigram } = countingBaselines(
    chunks((s, n) => corpus.train(s, n), corpus.trainLength),
    chunks((s, n) => corpus.validation(s, n), corpus.validationLength),
    corpus.tokenizer.vocabSize,
  );
  return [
    guessing,
    { label: 'token frequencies', value: unigram },
    ...(bigram === null ? [] : [{ label: 'token pairs', value: bigram }]),
  ];
}

/** Ids the samples begin with: the prompt, else the first tokens of the text. */
function samplePrompt(prompt: string | undefined, corpus: Corpus): number[] {
  if (prompt) return corpus.tokenizer.encode(prompt);
  return [...corpus.validation(0, Math.min(8, corpus.validationLength))];
}

/** Times a few steps with learning rate 0 and then forgets them, so that nothing of the run depends on it but its length. */
async function stepsIn(minutes: number, trainer: Trainer, batch: Batch, out: CommandContext['out']): Promise<number> {
  const times: number[] = [];
  for await (const { ms } of trainer.advance(6, () => ({ batch, learningRate: 0 }))) times.push(ms);
  const perStep = Math.min(...times.slice(1));
  trainer.machine.release([...trainer.model.parameters, ...trainer.optimizer.tensors()]);
  trainer.step = 0;
  const steps = Math.max(10, Math.floor((minutes * 60_000) / perStep));
  out.note(
    `${minutes} minutes are ${steps} steps here, at ${perStep.toFixed(perStep < 10 ? 1 : 0)} ms a step (evaluation and samples not counted)`,
  );
  return steps;
}

async function restore(device: Device, trainer: Trainer, model: GPT2, optimizer: AdamW, path: string): Promise<void> {
  const folder = openModelFolder(path);
  const moments = fileSource(`${path}/optimizer.safetensors`);
  try {
    await loadModel(device, model, folder.sources);
    await loadOptimizer(trainer.machine, optimizer, moments);
  } finally {
    folder.close();
    moments.close();
  }
}

async function text(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(path, 'utf8');
}

function nameOf(data: string | undefined, preset: string | null): string {
  const base = (data ?? preset ?? 'run').split(/[\\/]/).filter(Boolean).at(-1)!;
  return (
    base
      .replace(/\.[^.]*$/, '')
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .slice(0, 40) || 'run'
  );
}

/** A finished run says its end again. */
function printEnd({ out }: CommandContext, run: RunFolder): number {
  const end = run.log.read().findLast((e) => e.event === 'end');
  if (!end)
    throw new InputError(`${run.path}: all its steps are done, but its metrics.jsonl has no end. Give more --steps.`);
  const show = new RunShow(out, { totalSteps: end.step ?? 0 });
  show.event(end as never);
  return 0;
}
