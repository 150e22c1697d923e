// The forecast of a run as people and programs read it: bytes by class, the largest buffers, what is allowed, and the time.

import { grouped } from '../data/counted.ts';
import { configParameterCount, type ModelConfig } from '../nn/families.ts';
import { mib } from '../runtime/buffers.ts';
import { type ByteClass, CLASSES, eventBytes } from '../train/memory.ts';
import type { PretrainSettings } from '../train/presets.ts';
import type { Forecast } from './forecast.ts';
import { clockText, modelText, shortNumber } from './format.ts';
import type { Output } from './output.ts';
import { flagsOf } from './proposal.ts';

const SHOWN_BUFFERS = 3;

/** Estimated, not promised. */
export interface TimeEstimate {
  /** Floating-point operations of a step, and a second here. */
  flopPerStep: number;
  flopPerSecond: number;
}

/** One object: bytes as in the start event of a run, and in finer classes; largest buffers, limits (null: unknown), what would fit, and the estimated time. */
export function forecastJson(found: Forecast, { steps }: PretrainSettings, time: TimeEstimate | null): object {
  const { memory, limits, proposal } = found;
  const known = (n: number) => (Number.isFinite(n) ? n : null);
  return {
    memory: memory && eventBytes(memory),
    classes: memory && { ...memory.bytes },
    largest: memory?.buffers.slice(0, SHOWN_BUFFERS) ?? null,
    allowed: { buffer: limits.buffer, total: known(limits.total) },
    fits: found.run !== null,
    proposal: proposal && { flags: flagsOf(proposal.changes), ...proposal.changes, total: proposal.memory.total },
    estimate: time && {
      ...time,
      secondsPerStep: time.flopPerStep / time.flopPerSecond,
      seconds: (steps * time.flopPerStep) / time.flopPerSecond,
    },
  };
}

export function printForecast(out: Output, config: ModelConfig, settings: PretrainSettings, found: Forecast): void {
  const { memory, limits, run } = found;
  const { nLayer, nHead, nEmbd, blockSize, vocabSize } = config;
  const sizes = modelText({ nLayer, nHead, nEmbd, blockSize, vocabSize });
  out.print(`${grouped(configParameterCount(config))} parameters: ${sizes}`);
  out.print(
    `${rowsText(settings)} a step, ${settings.optimizer}${settings.recompute ? ', blocks computed again' : ''}${settings.dtype === 'f16' ? ', values in f16' : ''}`,
  );
  if (memory) {
    out.print();
    const rows = (Object.keys(CLASSES) as ByteClass[])
      .filter((name) => memory.bytes[name] > 0)
      .map((name) => [name, memory.bytes[name], CLASSES[name]] as const);
    for (const [name, bytes, about] of [...rows, ['total', memory.total, 'the most that is held'] as const])
      out.print(`${name.padEnd(12)}${grouped(bytes).padStart(18)} bytes${mib(bytes).padStart(12)}  ${about}`);
    out.print();
    for (const { name, bytes, class: owner } of memory.buffers.slice(0, SHOWN_BUFFERS))
      out.print(`large: ${mib(bytes)} of ${owner} (${name})`);
  }
  const total = Number.isFinite(limits.total)
    ? `${limits.says} ${mib(limits.total)} in all`
    : 'WebGPU does not tell how much in all';
  out.print(`this adapter allows ${mib(limits.buffer)} in one buffer, ${total}`);
  if (run) out.print(`it fits: ${mib(run.memory.total)} are needed`);
}

export function printTime(
  out: Output,
  { steps }: PretrainSettings,
  { flopPerStep, flopPerSecond }: TimeEstimate,
): void {
  const seconds = flopPerStep / flopPerSecond;
  out.print(
    `\ntime, an estimate: ${shortNumber(flopPerStep / 1e9)} GFLOP a step (6 for each weight and token, 8 where values are made again, and attention) at ${shortNumber(flopPerSecond / 1e9)} GFLOP/s, measured on one product of this size: ` +
      `${shortNumber(seconds)} seconds a step, ${clockText(steps * seconds)} for ${grouped(steps)} steps, evaluations and samples not counted`,
  );
}

function rowsText({ batch, accumulate, context }: PretrainSettings): string {
  const batches = accumulate > 1 ? `${accumulate} batches of ` : '';
  return `${batches}${batch} window${batch === 1 ? '' : 's'} of ${context} tokens`;
}
