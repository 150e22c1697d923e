// A whole training run that takes a fraction of a second: a few hundred characters, a model of a few thousand numbers, and
// checkpoints that are kept in memory. Only the folder on disk is missing.
import type { Batch, Machine } from '../../src/autograd/machine.ts';
import { bytesSource, collectBytes } from '../../src/checkpoint/safetensors.ts';
import { CharTokenizer } from '../../src/data/char.ts';
import { WindowSampler } from '../../src/data/windows.ts';
import { TokenGenerator } from '../../src/generate/generate.ts';
import { GPT2, gpt2Config } from '../../src/nn/gpt2.ts';
import { AdamW, type AdamWOptions } from '../../src/optim/adamw.ts';
import { Ema } from '../../src/optim/ema.ts';
import { Muon, type MuonOptions } from '../../src/optim/muon.ts';
import type { Device } from '../../src/runtime/device.ts';
import { type LanguageTaskOptions, languageBatch, languageTask } from '../../src/tasks/language.ts';
import { type LoopEvent, type LoopOptions, type LoopProgress, loop } from '../../src/train/loop.ts';
import { lossBatches } from '../../src/train/loss_batches.ts';
import { hashOf, loadModel, loadOptimizer, modelFile, optimizerFile } from '../../src/train/snapshot.ts';
import { Trainer } from '../../src/train/trainer.ts';

export const text = `It is a way I have of driving off the spleen and regulating the circulation. Whenever I find myself growing
grim about the mouth; whenever it is a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before
coffin warehouses, and bringing up the rear of every funeral I meet; then, I account it high time to get to sea as soon as I can.`;

export const tokenizer = CharTokenizer.fromCodePoints(new Set([...text].map((c) => c.codePointAt(0)!)));
export const ids = Int32Array.from(tokenizer.encode(text));
export const vocabSize = tokenizer.vocabSize;

export const CONTEXT = 16;
const BATCH = 2;
const TRAIN = ids.length - 60;
const read = (start: number, n: number) => ids.subarray(start, start + n);

export interface Checkpoint {
  progress: LoopProgress;
  model: Uint8Array;
  optimizer: Uint8Array;
  ema: Uint8Array | null;
}

export interface TinyOptions {
  adamw?: AdamWOptions;
  /** Muon instead of AdamW. */
  muon?: MuonOptions;
  seed?: number;
  resume?: Checkpoint;
  accumulate?: number;
  /** Decay of averaged weights. */
  ema?: number;
  skipSpikes?: boolean;
  /** Dropout, recomputation and chunks of the loss that is trained. */
  task?: LanguageTaskOptions;
  /** Of the largest tensor that the token table is stored in. */
  pieceBytes?: number;
}

/** Model, optimizer, trainer and loop options of the tiny run, on a machine. */
export function tinyRun(machine: Machine, options: TinyOptions = {}) {
  const { adamw, muon, seed = 1, accumulate = 1, ema, skipSpikes = false, task, pieceBytes } = options;
  const config = gpt2Config({ vocabSize, blockSize: CONTEXT, nEmbd: 16, nLayer: 2, nHead: 2, initializerRange: 0.08 });
  const model = new GPT2(config, { seed, ...(pieceBytes !== undefined && { pieceBytes }) });
  const optimizer = muon
    ? new Muon(model.parameters, { gradClip: 1, ...muon })
    : new AdamW(model.parameters, { beta2: 0.99, gradClip: 1, ...adamw });
  const trainer = new Trainer({
    machine,
    model,
    optimizer,
    task: languageTask(task),
    evaluation: languageTask(),
    accumulate,
    skipSpikes,
    ema: ema === undefined ? null : new Ema(model.parameters, ema),
  });
  const generator = new TokenGenerator(machine, model);
  const sampler = new WindowSampler({ kind: 'random', length: TRAIN, blockSize: CONTEXT, batch: BATCH, seed }, read);
  const batch = () => languageBatch(sampler.next(), CONTEXT);
  const release = () => {
    generator.release();
    trainer.release();
  };
  return { model, optimizer, trainer, generator, sampler, batch, release };
}

export const schedule = { schedule: 'cosine', learningRate: 1e-2, minLearningRate: 1e-3, warmupSteps: 4 } as const;

export function validation(): Iterable<Batch> {
  return lossBatches({ length: 60, read: (s, n) => read(TRAIN + s, n) }, CONTEXT, 4);
}

/** What a run said, its times left out, as `metrics.jsonl` keeps it. */
export type Told = { event: string; step: number; [key: string]: unknown }[];

export interface Outcome {
  told: Told;
  hash: string;
  /** Every save, the last one last. */
  checkpoints: Checkpoint[];
}

/** Asked with the number of batches drawn so far and what is being done. */
export type Stop = (drawn: number, doing: string) => boolean;

/**
 * Trains 24 steps with an evaluation and a sample every 8 and a save every 6, or goes on from a checkpoint, until it is done
 * or asked to stop.
 */
export async function train(
  device: Device,
  { resume, stop = () => false, ...options }: TinyOptions & { stop?: Stop } & Partial<Omit<LoopOptions, 'stop'>>,
): Promise<Outcome> {
  const run = tinyRun(device, options);
  const { trainer, model, optimizer, sampler, generator } = run;
  const progress: LoopProgress = resume
    ? structuredClone(resume.progress)
    : { step: 0, evaluatedAt: 0, sampledAt: 0, validationLoss: null, best: null };
  if (resume) {
    await loadModel(device, model, [bytesSource('model.safetensors', resume.model)]);
    if (resume.ema) await loadModel(device, model, [bytesSource('ema.safetensors', resume.ema)], trainer.ema!.weights);
    await loadOptimizer(device, optimizer, bytesSource('optimizer.safetensors', resume.optimizer));
    sampler.restore({ ...sampler.state(), step: progress.step * (options.accumulate ?? 1) });
    trainer.step = progress.step;
  }
  let doing = 'training';
  const checkpoints: Checkpoint[] = [];
  const loopOptions: LoopOptions = {
    ...schedule,
    maxSteps: 24,
    evalEvery: 8,
    sampleEvery: 8,
    saveEvery: 6,
    tokensPerStep: BATCH * CONTEXT,
    batches: () => Array.from({ length: options.accumulate ?? 1 }, run.batch),
    validationBatches: validation,
    trainBatches: validation,
    async sample() {
      let sample = '';
      for await (const { id } of generator.generate([0], { maxNewTokens: 4 })) sample += tokenizer.decode([id]);
      return sample;
    },
    async save(now) {
      const file = await modelFile(device, model);
      const moments = await optimizerFile(device, optimizer);
      const averaged = trainer.ema && (await modelFile(device, model, trainer.ema.weights));
      checkpoints.push({
        progress: now,
        model: await collectBytes(file),
        optimizer: await collectBytes(moments),
        ema: averaged && (await collectBytes(averaged)),
      });
      return `step ${now.step}`;
    },
    stop: () => stop(sampler.state().step, doing),
    ...options,
  };
  const told: Told = [];
  try {
    for await (const event of loop(trainer, loopOptions, progress)) {
      doing = event.event === 'phase' ? event.text : 'training';
      if (event.event !== 'phase') told.push(withoutTime(event));
    }
    return { told, hash: await hashOf(device, model), checkpoints };
  } finally {
    run.release();
  }
}

function withoutTime(event: Exclude<LoopEvent, { event: 'phase' }>): Told[number] {
  const { tokensPerSecond: _, ...rest } = { tokensPerSecond: 0, ...event };
  return rest;
}
