// Adapters that forecasts are made for: two that stand for many and need not be here, and the one that is.
import type { Machine } from '../../autograd/machine.ts';
import { graphOf } from '../../autograd/trace_batch.ts';
import { RunError } from '../../errors.ts';
import type { Capabilities } from '../../ops/op.ts';
import type { Device } from '../../runtime/device.ts';
import { makePlan } from '../../schedule/plan.ts';
import type { Limits } from '../../train/limits.ts';
import type { Planner } from '../../train/training.ts';
import { limitsOf } from '../limits.ts';
import type { Rates } from './roofline.ts';

/** Shares of what a maker states that a run is taken to reach: assumptions, not measurements. */
export const ASSUMED = { flops: 0.6, bandwidth: 0.7, memory: 0.9, secondsPerDispatch: 5e-6 } as const;

/** What a maker states. */
interface Stated {
  about: string;
  /** Bytes. */
  memory: number;
  /** f32, without matrix units. */
  peakFlopPerSecond: number;
  peakBytesPerSecond: number;
  source: string;
}

/** An adapter that is not here, or the one that is. */
export interface ScaleAdapter {
  name: string;
  about: string;
  /** Makes plans and nothing else. */
  planner: Planner;
  limits: Limits;
  /** null where nothing is known of its speed. */
  rates: Rates | null;
}

const STATED: Readonly<Record<string, Stated>> = {
  'laptop-8gb': {
    about: 'GeForce RTX 4060 Laptop, 8 GB',
    memory: 8 * 2 ** 30,
    // 3,072 lanes, two operations each, at 1.89 GHz: the middle of 1.47 to 2.37 GHz, which the power limit decides.
    peakFlopPerSecond: 3072 * 2 * 1.89e9,
    // 128 bits at 16 Gbit/s.
    peakBytesPerSecond: 256e9,
    source: "NVIDIA, GeForce RTX 40 laptops, and TechPowerUp's entry of the RTX 4060 Mobile",
  },
  'card-80gb': {
    about: 'A100 80 GB PCIe',
    memory: 80 * 2 ** 30,
    peakFlopPerSecond: 19.5e12,
    peakBytesPerSecond: 1935e9,
    source: 'NVIDIA A100 datasheet, June 2021',
  },
};

/** The adapters' names; the last stands for the one at hand. */
export const SCALE_ADAPTERS = [...Object.keys(STATED), 'here'] as const;

/** The one with most memory. */
export const LARGEST_ADAPTER = Object.entries(STATED).reduce((a, b) => (b[1].memory > a[1].memory ? b : a))[0];

/** WebGPU's limits as drivers of discrete cards report them: one binding of at most 2 GiB. */
const BUFFER = 2 ** 31 - 4;
const CAPABILITIES: Capabilities = {
  features: new Set(['shader-f16']),
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  software: false,
  subgroupMatrices: [],
};

export function statedAdapter(name: string): ScaleAdapter {
  const { about, memory, peakFlopPerSecond, peakBytesPerSecond, source } = STATED[name]!;
  const rates: Rates = {
    flopPerSecond: ASSUMED.flops * peakFlopPerSecond,
    bytesPerSecond: ASSUMED.bandwidth * peakBytesPerSecond,
    secondsPerDispatch: ASSUMED.secondsPerDispatch,
  };
  const tera = (peakFlopPerSecond / 1e12).toFixed(1);
  return {
    name,
    about: `${about}: ${tera} TFLOP/s in f32, ${peakBytesPerSecond / 1e9} GB/s (${source})`,
    planner: plannerOf(about),
    limits: { buffer: BUFFER, total: Math.floor(ASSUMED.memory * memory), says: `${about} can give` },
    rates,
  };
}

/** @param rates as measured here */
export function adapterHere(device: Device, rates: Rates | null, memoryLimit?: number): ScaleAdapter {
  return { name: 'here', about: device.name, planner: device, limits: limitsOf(device, memoryLimit), rates };
}

/** Plans for an adapter with the forms of its kind that need no optional feature. */
function plannerOf(name: string): Planner {
  const absent = () => Promise.reject(new RunError(`${name} is not here: only plans can be made for it.`));
  const compiled = () => Object.assign(absent, { collect: absent, release: () => {} });
  const machine: Machine = {
    name,
    compile: compiled,
    read: absent,
    write: () => {},
    release: () => {},
    close: () => {},
  };
  return { ...machine, plan: (fn, batch, options) => makePlan(graphOf(fn, batch, options), CAPABILITIES) };
}
