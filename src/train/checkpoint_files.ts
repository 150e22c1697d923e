// What a save of a run consists of, as files by name, and the loop's state read back from them: the same on a disk and in a browser.
import type { Machine } from '../autograd/machine.ts';
import { generationConfigJson } from '../checkpoint/generation_config.ts';
import { Sha256 } from '../checkpoint/hash.ts';
import { averageName, type FileContent } from '../checkpoint/manifest.ts';
import { modelConfigJson } from '../checkpoint/model_config.ts';
import { type Scalar, type TrainingState, trainingStateJson } from '../checkpoint/training_state.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { WindowCursor } from '../data/windows.ts';
import { configScalars } from '../nn/families.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { LoopProgress } from './loop.ts';
import { modelFile, optimizerFile } from './snapshot.ts';
import type { Trainer } from './trainer.ts';
import type { AnyTrainer } from './training.ts';

/** How what is trained stands in a checkpoint. */
export interface KeptModel {
  /** What training.json says of its shape. */
  readonly scalars: Readonly<Record<string, Scalar>>;
  /** Configuration and weights by their files' names, in the order in which they are written. Weights are read off the machine now. @throws RunError as modelFile */
  files(): Promise<Map<string, FileContent>>;
}

/** What decides how a run goes on, besides the loop's own progress. */
export interface SavedParts {
  machine: Machine;
  trainer: Pick<AnyTrainer, 'optimizer' | 'step'>;
  kept: KeptModel;
  tokenizer: Tokenizer;
  /** SHA-256 of the data, hex. */
  dataHash: string;
  /** All settings, and what is remembered of the data and the samples' prompt. */
  settings: Readonly<Record<string, Scalar>>;
  seed: number;
  /** What says which rows come next: plain JSON, its `step` the batches drawn. */
  sampler: { state(): object };
  /** Form by op, as the run chose them. */
  kernels: KernelTable;
  /** `shaderformer`, and what runs underneath. */
  versions: Readonly<Record<string, string>>;
}

/** A whole language model, and where there are averaged weights these. */
export function keptModel({ machine, model, ema }: Trainer, tokenizer: Tokenizer): KeptModel {
  const { eosId } = tokenizer;
  // Where nothing else begins a text, what ended the one before does, as in GPT-2.
  const ids = { bosTokenId: tokenizer.startIds?.[0] ?? eosId, eosTokenId: eosId };
  return {
    scalars: Object.fromEntries(configScalars(model.config)),
    files: async () =>
      new Map<string, FileContent>([
        ['config.json', bytesOf(modelConfigJson(model.config, ids))],
        [
          'generation_config.json',
          bytesOf(generationConfigJson({ ...ids, eosTokenIds: eosId === null ? [] : [eosId] })),
        ],
        ['model.safetensors', await modelFile(machine, model)],
        ...(ema ? [[averageName, await modelFile(machine, model, ema.weights)] as const] : []),
      ]),
  };
}

/** The files of a checkpoint, in the order in which they are written. Weights are read off the machine now. @throws RunError as modelFile */
export async function checkpointFiles(parts: SavedParts, progress: LoopProgress): Promise<Map<string, FileContent>> {
  const { machine, trainer, kept, tokenizer } = parts;
  const files = await kept.files();
  files.set('optimizer.safetensors', await optimizerFile(machine, trainer.optimizer));
  files.set('training.json', bytesOf(trainingStateJson(trainingState(parts, progress))));
  // A run may have a chat template of its own.
  for (const [name, text] of tokenizer.files()) if (!files.has(name)) files.set(name, bytesOf(text));
  return files;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Everything beside weights and moments that decides how the run goes on. */
export function trainingState(parts: SavedParts, progress: LoopProgress): TrainingState {
  const { machine, trainer, kept, tokenizer, dataHash, settings, seed, sampler, kernels, versions } = parts;
  const { schedule, warmupSteps, steps, learningRate, minLearningRate } = settings;
  const { evaluatedAt, sampledAt, validationLoss, best } = progress;
  return {
    step: progress.step,
    settings: new Map(Object.entries(settings)),
    model: new Map(Object.entries(kept.scalars)),
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
    cursor: new Map(Object.entries({ ...sampler.state(), step: progress.step * Number(settings.accumulate) })) as Map<
      string,
      Scalar
    >,
    dataHash,
    tokenizerHash: new Sha256().update(new TextEncoder().encode(tokenizer.files().get('tokenizer.json') ?? '')).hex(),
    kernels: new Map(Object.entries(kernels)),
    versions: new Map(Object.entries(versions)),
    adapter: machine.name,
    best: trainer.step === 0 ? null : best,
  };
}

/** Where the windows of a saved run stood. */
export function savedCursor(saved: TrainingState): WindowCursor {
  return Object.fromEntries(saved.cursor) as unknown as WindowCursor;
}

/** Where its loop stood. */
export function savedProgress(saved: TrainingState): LoopProgress {
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

/** The progress of a run that has not begun. */
export function noProgress(): LoopProgress {
  return { step: 0, evaluatedAt: 0, sampledAt: -1, validationLoss: null, best: null };
}
