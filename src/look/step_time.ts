// How long each dispatch of a step takes, by the clock of this computer: browsers give no GPU clock that tells short kernels apart. A
// dispatch is run once and many times in a row on a copy; the difference is its own. In a row a kernel finds its data near by,
// so that it may be quicker than it is within a step.

import { CopiedReplays } from '../runtime/copied_replays.ts';
import type { Device } from '../runtime/device.ts';
import { median } from '../runtime/profile.ts';
import type { PlannedStep, StepDispatch } from './step_plan.ts';

/** A dispatch is repeated until its repetitions take as long. Milliseconds. */
const LONG_ENOUGH = 5;
const MOST_REPEATS = 4096;
const ROUNDS = 3;

export interface StepTime {
  /** Of one run of each dispatch, in the order of the list. */
  ms: number[];
  /** The whole step as it ordinarily runs. */
  stepMs: number;
}

/**
 * @param stopped asked between two measurements
 * @returns null where it was stopped
 * @throws InputError for a step that is too large to be copied
 */
export async function timeStep(device: Device, step: PlannedStep, stopped: () => boolean): Promise<StepTime | null> {
  const copy = await CopiedReplays.make(device, step.replays);
  try {
    const timed = async (submit: () => void) => {
      const since = performance.now();
      submit();
      await copy.settled();
      return performance.now() - since;
    };
    const whole = () => {
      for (const replay of step.replays.keys()) copy.run(replay);
    };
    const several = async (submit: () => void) => {
      const all: number[] = [];
      for (let i = 0; i < ROUNDS; i++) all.push(await timed(submit));
      return median(all);
    };
    // Drivers finish a kernel when it first runs.
    await timed(whole);
    const empty = await several(() => copy.idle());
    const stepMs = Math.max(0, (await several(whole)) - empty);
    const known = new Map<string, number>();
    const ms: number[] = [];
    for (const each of step.dispatches) {
      if (stopped()) return null;
      const key = keyOf(step, each);
      let found = known.get(key);
      if (found === undefined) {
        const run = (times: number) => timed(() => copy.repeat(each.replay, each.at, times));
        known.set(key, (found = await perRun(run)));
      }
      ms.push(found);
    }
    return { ms, stepMs };
  } finally {
    copy.release();
  }
}

/** From runs of one and of several, so that what a submit takes by itself stays out of it. */
async function perRun(run: (times: number) => Promise<number>): Promise<number> {
  // Whatever else the computer does only adds: the shorter of two is nearer.
  const twice = async (times: number) => Math.min(await run(times), await run(times));
  const one = await twice(1);
  let times = 4;
  for (;;) {
    let more = (await run(times)) - one;
    if (more >= LONG_ENOUGH) more = Math.min(more, (await run(times)) - one);
    if (more >= LONG_ENOUGH || times >= MOST_REPEATS) return Math.max(0, more / (times - 1));
    const missing = Math.ceil((1.5 * LONG_ENOUGH) / Math.max(more, 0.1));
    times = Math.min(MOST_REPEATS, times * Math.min(16, Math.max(2, missing)));
  }
}

/** Dispatches that do the same on other values. */
function keyOf({ replays }: PlannedStep, { replay, dispatch }: StepDispatch): string {
  const { kernel, constants, half, workgroups, uniform, bindings } = dispatch;
  const { plan } = replays[replay]!;
  const sizes = uniform === null ? '' : plan.uniforms.subarray(uniform, uniform + 256).join();
  const bound = bindings.map(({ size, value }) => `${size} ${value === null}`).join();
  return `${kernel} ${JSON.stringify(constants)} ${half.join()} ${workgroups.join()} ${sizes} ${bound}`;
}
