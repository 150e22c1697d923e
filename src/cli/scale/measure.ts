// The forecast's arithmetic, checked where it can be: fixed workloads run on the adapter at hand, their bytes counted and their
// dispatches timed. The rates that forecasts for this adapter use come from the same runs.
import type { Device } from '../../runtime/device.ts';
import { median, type Profile, type ProfiledPlan, profile } from '../../runtime/profile.ts';
import type { Plan } from '../../schedule/plan.ts';
import { languageBatch } from '../../tasks/language.ts';
import { lossBatches } from '../../train/loss_batches.ts';
import type { PretrainSettings } from '../../train/presets.ts';
import { makeRun, planRun, type RunParts, type RunPlans } from '../../train/run_plans.ts';
import { modelFile } from '../../train/snapshot.ts';
import { WORKLOADS } from '../bench/workloads.ts';
import { limitsOf } from '../limits.ts';
import { newSettings } from '../pretrain_settings.ts';
import { profiledPlans } from '../profile.ts';
import { familyOf, type Rates, stepTime } from './roofline.ts';

/** Workloads that a software adapter runs in a moment. */
const CHECKED = ['TINY', 'SMALL', 'WIDE'] as const;

export interface MeasuredRun {
  name: string;
  /** Bytes by the plans, and the most that was held. */
  bytes: { forecast: number; held: number };
  step: readonly Plan[];
  profile: Profile;
}

/** A forecast beside what was measured. */
export interface Check {
  name: string;
  bytes: { forecast: number; held: number };
  /** Of a step: from the rates of the other workloads, and as it ordinarily runs. */
  seconds: { forecast: number; measured: number };
}

/** Times around that all workloads are timed: of each the quickest counts, since other programs come and go. */
const CYCLES = 3;
/** After so many milliseconds none begins but the first. */
const LONGEST = 30_000;

/** @param open a device with timestamps, one for each workload: what it held is counted from its beginning */
export async function measureRuns(open: () => Promise<Device>, onRun: (name: string) => void): Promise<MeasuredRun[]> {
  const ready: Ready[] = [];
  try {
    for (const name of CHECKED) {
      onRun(name);
      ready.push(await readyRun(await open(), name));
    }
    const quickest = new Map<Ready, Profile>();
    const since = performance.now();
    for (let cycle = 0; cycle < CYCLES && (cycle === 0 || performance.now() - since < LONGEST); cycle++) {
      for (const run of ready) {
        onRun(run.name);
        const timed = await profile(run.device, run.plans, { rounds: 3, seconds: 1 });
        if (timed.stepMs < (quickest.get(run)?.stepMs ?? Number.POSITIVE_INFINITY)) quickest.set(run, timed);
      }
    }
    return ready.map((run) => ({ name: run.name, bytes: run.bytes, step: run.step, profile: quickest.get(run)! }));
  } finally {
    for (const { device } of ready) device.close();
  }
}

/** A workload that has run once. */
interface Ready extends Omit<MeasuredRun, 'profile'> {
  device: Device;
  plans: ProfiledPlan[];
}

async function readyRun(device: Device, name: string): Promise<Ready> {
  const { config, batch } = WORKLOADS[name]!;
  const { nLayer: layers, nHead: heads, nEmbd: width, blockSize: context, vocabSize } = config;
  const settings = newSettings('', { layers, heads, width, context, batch, sampleEvery: 0 });
  const parts = makeRun(device, settings, vocabSize, 1);
  const validationTokens = batch * context + 1;
  const plans = planRun(device, parts, settings, { vocabSize, validationTokens, promptTokens: 1 }, limitsOf(device));
  const held = await heldBytes(device, { ...parts, ...plans }, settings, validationTokens);
  const bytes = { forecast: plans.memory.total, held };
  return { name, bytes, step: plans.step, device, plans: profiledPlans(plans.step, settings, vocabSize) };
}

/** Does on a device all that a run does: steps, an evaluation, the reading of a save. @returns the most that it held */
export async function heldBytes(
  device: Device,
  { trainer, model, rows }: RunParts & RunPlans,
  { batch, context }: PretrainSettings,
  validationTokens: number,
): Promise<number> {
  const tokens = new Int32Array(batch * context).fill(1);
  const one = languageBatch({ inputs: tokens, targets: tokens }, context);
  for await (const _ of trainer.advance(2, () => ({ batches: [one], learningRate: 0 }))) {
  }
  const stretch = { length: validationTokens, read: (_: number, n: number) => new Int32Array(n).fill(1) };
  await trainer.evaluate(lossBatches(stretch, context, rows));
  await modelFile(device, model);
  return device.shared.buffers.peakBytes;
}

/** What the adapter sustains in these runs, kernel by kernel. */
export function ratesOf(runs: readonly Pick<MeasuredRun, 'profile'>[]): Rates {
  const all = runs.flatMap(({ profile: { dispatches } }) => dispatches);
  const light = all.filter(({ bytes, dispatch }) => bytes < 2 ** 14 && !dispatch.flops).map(({ ms }) => ms);
  const secondsPerDispatch = light.length > 0 ? median(light) / 1000 : 0;
  const sums = new Map<string, { flops: number; bytes: number; seconds: number }>();
  const total = { flops: 0, bytes: 0, products: 0, others: 0 };
  for (const { dispatch, ms, bytes } of all) {
    // Most of a short dispatch may be its start, but something is left for its work.
    const seconds = Math.max(ms / 1000 - secondsPerDispatch, ms / 10_000);
    const flops = dispatch.flops ?? 0;
    for (const name of [dispatch.kernel, ...(flops ? [familyOf(dispatch.kernel)] : [])]) {
      const sum = sums.get(name) ?? { flops: 0, bytes: 0, seconds: 0 };
      sums.set(name, { flops: sum.flops + flops, bytes: sum.bytes + bytes, seconds: sum.seconds + seconds });
    }
    total.flops += flops;
    total.bytes += flops ? 0 : bytes;
    total[flops ? 'products' : 'others'] += seconds;
  }
  const rate = ({ flops, bytes, seconds }: { flops: number; bytes: number; seconds: number }) =>
    flops > 0 ? { flopPerSecond: flops / seconds } : { bytesPerSecond: bytes / seconds };
  return {
    flopPerSecond: total.flops / total.products,
    bytesPerSecond: total.bytes / total.others,
    secondsPerDispatch,
    kernels: new Map([...sums].filter(([, { seconds }]) => seconds > 0).map(([name, sum]) => [name, rate(sum)])),
  };
}

/** Each workload's time by the rates of the others. */
export function checksOf(runs: readonly MeasuredRun[]): Check[] {
  return runs.map((run) => {
    const rates = ratesOf(runs.filter((other) => other !== run));
    const forecast = stepTime(run.step, 1, rates).seconds;
    return { name: run.name, bytes: run.bytes, seconds: { forecast, measured: run.profile.stepMs / 1000 } };
  });
}
