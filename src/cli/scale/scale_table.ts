// Forecasts of known sizes on several adapters, as people and programs read them.

import { grouped } from '../../data/counted.ts';
import { type Limits, misfit } from '../../train/limits.ts';
import type { RunMemory } from '../../train/memory.ts';
import { shortNumber } from '../format.ts';
import type { Output } from '../output.ts';
import { flagsOf } from '../proposal.ts';
import { ASSUMED, type ScaleAdapter } from './adapters.ts';
import type { Check } from './measure.ts';
import type { ScaleRow } from './scale.ts';

/** One line of JSON: every row, and what was checked. */
export function scaleJson(rows: readonly ScaleRow[], checks: readonly Check[] | null): object {
  return {
    event: 'scale',
    assumed: ASSUMED,
    rows: rows.map(({ model, adapter, settings, fits, memory, time, tokensPerStep }) => {
      const { batch, accumulate, recompute, optimizer, dtype, context } = settings;
      return {
        model: model.name,
        parameters: model.parameters,
        adapter: adapter.name,
        about: adapter.about,
        fits,
        settings: { batch, accumulate, recompute, optimizer, dtype, context },
        flags: flagsText(settings),
        classes: memory && { ...memory.bytes },
        total: memory?.total ?? null,
        allowed: Number.isFinite(adapter.limits.total) ? adapter.limits.total : null,
        estimate: time && { ...time, tokensPerStep, tokensPerSecond: tokensPerStep / time.seconds },
      };
    }),
    checks,
  };
}

export function printScale(out: Output, rows: readonly ScaleRow[]): void {
  for (const adapter of new Set(rows.map((row) => row.adapter))) {
    out.print(adapter.about);
    out.print(rulesOf(adapter));
    const own = rows.filter((row) => row.adapter === adapter);
    const width = Math.max(...own.map(({ model }) => model.name.length));
    out.print(`${'model'.padEnd(width)}${HEAD.map((title, i) => title.padStart(WIDTHS[i]!)).join('')}  with`);
    for (const row of own) out.print(lineOf(row, width));
    out.print();
  }
  out.print(
    `GB are 10^9 bytes; the rest: activations, and all that is small; s/step: a roofline over the plan's dispatches`,
  );
}

const HEAD = ['million', 'weights', 'gradients', 'optimizer', 'the rest', 'total GB', 's/step', 'tokens/s'];
const WIDTHS = [9, 9, 11, 11, 10, 10, 9, 10];

function lineOf({ model, adapter, settings, fits, memory, time, tokensPerStep }: ScaleRow, width: number): string {
  const gb = (bytes: number) => (bytes / 1e9).toFixed(2);
  const bytes = memory?.bytes;
  const cells = [
    grouped(model.parameters / 1e6),
    ...(memory && bytes
      ? [
          gb(bytes.parameters),
          gb(bytes.gradients),
          gb(bytes.optimizer),
          gb(memory.total - bytes.parameters - bytes.gradients - bytes.optimizer),
          gb(memory.total),
        ]
      : ['-', '-', '-', '-', '-']),
    ...(time ? [shortNumber(time.seconds), shortNumber(tokensPerStep / time.seconds)] : ['-', '-']),
  ];
  const line = model.name.padEnd(width) + cells.map((cell, i) => cell.padStart(WIDTHS[i]!)).join('');
  return `${line}  ${fits ? flagsText(settings) : `does not fit, not even with ${flagsText(settings)}${bufferText(memory, adapter.limits)}`}`;
}

/** Where not the sum is too large but one buffer. */
function bufferText(memory: RunMemory | null, limits: Limits): string {
  const found = memory && misfit(memory, limits);
  if (!found || found === 'total') return '';
  return `: one buffer (${found.name}) of ${(found.bytes / 1e9).toFixed(2)} GB, ${(limits.buffer / 1e9).toFixed(2)} are allowed`;
}

function flagsText({ batch, accumulate, recompute, optimizer, dtype }: ScaleRow['settings']): string {
  const changes = { batch, ...(accumulate > 1 && { accumulate }), ...(recompute && { recompute }) };
  return `${flagsOf(changes)} --optimizer ${optimizer}${dtype === 'f16' ? ' --dtype f16' : ''}`;
}

function rulesOf({ rates, limits, name }: ScaleAdapter): string {
  const memory = Number.isFinite(limits.total)
    ? `${(limits.total / 1e9).toFixed(1)} GB may be held`
    : 'how much may be held is not known';
  if (!rates) return `${memory}; its speed was not measured: it has no clock for dispatches`;
  const { flopPerSecond, bytesPerSecond, secondsPerDispatch } = rates;
  const speed = `${shortNumber(flopPerSecond / 1e9)} GFLOP/s of products, ${shortNumber(bytesPerSecond / 1e9)} GB/s, ${shortNumber(secondsPerDispatch * 1e6)} µs a dispatch`;
  return name === 'here'
    ? `${memory}; measured here, kernel by kernel; in all ${speed}`
    : `${memory}; assumed: ${speed} (${ASSUMED.flops} of the peak, ${ASSUMED.bandwidth} of the bandwidth, ${ASSUMED.memory} of the memory)`;
}

/** Forecasts beside measurements. */
export function printChecks(out: Output, checks: readonly Check[]): void {
  out.print(
    '\nchecked here: bytes by the plans and the most held; seconds a step by the rates of the other workloads and measured',
  );
  out.print(
    `${'workload'.padEnd(9)}${['bytes', 'held', 'ratio', 'seconds', 'measured', 'ratio'].map((t) => t.padStart(14)).join('')}`,
  );
  for (const { name, bytes, seconds } of checks) {
    const cells = [
      grouped(bytes.forecast),
      grouped(bytes.held),
      (bytes.forecast / bytes.held).toFixed(3),
      shortNumber(seconds.forecast),
      shortNumber(seconds.measured),
      (seconds.forecast / seconds.measured).toFixed(2),
    ];
    out.print(`${name.padEnd(9)}${cells.map((cell) => cell.padStart(14)).join('')}`);
  }
}
