// Will it fit? What a run needs is known from its plans before anything is allocated or written; what does not fit is refused
// with bytes needed, bytes allowed, and what to change.
import { InputError, SizeError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import { type Limits, misfit } from '../train/limits.ts';
import { type ByteClass, CLASSES, type RunMemory } from '../train/memory.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { TrainingPlans } from '../train/training.ts';
import { sizeText } from './format.ts';
import { limitsOf } from './limits.ts';
import { flagsOf, type Proposal, propose, type Search } from './proposal.ts';

/** How settings become a run and its plans. */
export interface RunMaker<S extends TrainingSettings, P, L extends TrainingPlans> {
  /** @throws InputError for what can be seen to be too large without a plan */
  refuse?(settings: S, limits: Limits): void;
  make(settings: S, seed: number): P;
  plan(parts: P, settings: S, limits: Limits): L;
  /** What helps where nothing that leaves the model as it is does. */
  smaller: string;
  /** Which setting says how large a batch is. Default: batch. */
  sized?: 'batch' | 'batchTokens';
  /** Shortest context that is proposed. Default: see propose. */
  shortest?: number | undefined;
}

export interface FitOptions {
  seed: number;
  /** MiB. */
  memoryLimit?: number | undefined;
  /** A run that is gone on with keeps its settings: nothing is proposed. Default true. */
  mayChange?: boolean;
}

export interface Fit<R> {
  limits: Limits;
  /** null where the sizes alone are too large for a plan. */
  memory: RunMemory | null;
  /** What runs; null if it does not fit. */
  run: R | null;
  /** The sentence that refuses it. */
  refusal: string | null;
  proposal: Proposal | null;
}

/** Makes and plans a run, or says why it cannot be and what would fit. Nothing is allocated on the device. @throws InputError as the maker's refuse and make */
export function fitRun<S extends TrainingSettings, P, L extends TrainingPlans>(
  device: Device,
  settings: S,
  maker: RunMaker<S, P, L>,
  { seed, memoryLimit, mayChange = true }: FitOptions,
): Fit<P & L> {
  const limits = limitsOf(device, memoryLimit);
  maker.refuse?.(settings, limits);
  const parts = maker.make(settings, seed);
  let plans: L | null = null;
  let reason: string;
  try {
    plans = maker.plan(parts, settings, limits);
    const found = misfit(plans.memory, limits);
    if (found === null)
      return { limits, memory: plans.memory, run: { ...parts, ...plans }, refusal: null, proposal: null };
    const { total } = plans.memory;
    const needs = `${sizeText(total)} (${classText(plans.memory)})`;
    reason =
      found === 'total'
        ? `model: training needs ${needs}, ${limits.says} ${sizeText(limits.total)}.`
        : `model: one buffer (${found.name}) needs ${sizeText(found.bytes)}, this adapter allows ${sizeText(limits.buffer)}; in all ${needs}.`;
  } catch (error) {
    // Whoever asks for settings that contradict each other is not helped by smaller ones.
    if (!(error instanceof SizeError)) throw error;
    reason = error.message;
  }
  const memory = plans?.memory ?? null;
  if (!mayChange) {
    const refusal = `${reason} A run that is gone on with keeps its settings: go on with it where there is more memory.`;
    return { limits, memory, run: null, refusal, proposal: null };
  }
  const memoryUnder = (changed: S) => maker.plan(maker.make(changed, 0), changed, limits).memory;
  const search = propose(memoryUnder, settings, limits, maker.shortest, maker.sized);
  const refusal = `${reason} ${search.fits ? adviceOf(search.fits) : smallerModel(search.smallest, maker.smaller)}`;
  return { limits, memory, run: null, refusal, proposal: search.fits };
}

/** @throws InputError where it does not fit, with bytes needed and allowed, and what to change; and as fitRun */
export function fitting<R>({ run, refusal }: Fit<R>): R {
  if (run === null) throw new InputError(refusal!);
  return run;
}

function adviceOf({ changes, memory }: Proposal): string {
  return `Use ${flagsOf(changes)}: then it needs ${sizeText(memory.total)}.`;
}

/** Nothing that leaves the model as it is helps: what is too large, and what to make smaller. */
function smallerModel(smallest: Search['smallest'], smaller: string): string {
  const even = smallest && flagsOf(smallest.changes);
  const needs =
    even &&
    ` (even with ${even} it needs ${sizeText(smallest.memory.total)}, most of it ${classText(smallest.memory, 1)})`;
  return `A smaller model is needed${needs || ''}: ${smaller}.`;
}

/** `optimizer 12 MiB, activations 3.0 MiB`: classes from large to small, those that are less than a hundredth left out. */
function classText({ bytes, total }: RunMemory, most = Number.POSITIVE_INFINITY): string {
  return (Object.keys(CLASSES) as ByteClass[])
    .filter((name) => bytes[name] >= total / 100)
    .sort((a, b) => bytes[b] - bytes[a])
    .slice(0, most)
    .map((name) => `${name} ${sizeText(bytes[name])}`)
    .join(', ');
}
