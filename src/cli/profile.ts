// inspect --profile: where the time of a training step goes, by kernel and by part of the model, as tables or as one JSON object.

import { counted, grouped } from '../data/counted.ts';
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import { type Profile, type ProfiledPlan, profile, type TimedDispatch } from '../runtime/profile.ts';
import type { Plan } from '../schedule/plan.ts';
import { languageBatch } from '../tasks/language.ts';
import { randomBits } from '../tensor/random.ts';
import type { PretrainSettings } from '../train/presets.ts';
import type { TextSizes } from '../train/run_plans.ts';
import { shortNumber } from './format.ts';
import type { Output } from './output.ts';

/** Dispatches that are told together: sums over a step. */
export interface ProfileRow {
  name: string;
  count: number;
  ms: number;
  /** Of the time of all dispatches of the step, in any part. */
  share: number;
  /** 0 where no op counts them. */
  flops: number;
  bytes: number;
}

/**
 * Times a training step and tells it. Text is drawn: which tokens they are hardly matters.
 * @param step plans of a step
 * @param part tells only what belongs to this part of the model, such as h.0
 * @throws InputError if the model has no such part
 */
export async function tellProfile(
  out: Output,
  device: Device,
  step: readonly Plan[],
  settings: PretrainSettings,
  { vocabSize }: TextSizes,
  part?: string,
): Promise<void> {
  if (part !== undefined) refuseUnknown(part, step);
  const plans = profiledPlans(step, settings, vocabSize);
  out.status('timing the step, some rounds of it');
  const found = await profile(device, plans);
  out.status('');
  const all = found.dispatches;
  const kernelMs = sumOf(all, ({ ms }) => ms);
  const wanted = part === undefined ? all : all.filter(({ dispatch }) => belongs(dispatch.scope, part));
  const kernels = rowsBy(wanted, kernelMs, ({ dispatch }) => dispatch.kernel);
  if (out.json) {
    const { stepMs, rounds } = found;
    const rows = kernels.map(({ name, ...row }) => ({ kernel: name, ...row, ...ratesOf(row) }));
    const dispatches = all.map((each) => dispatchJson(each, kernelMs));
    out.emit({ event: 'profile', adapter: device.name, stepMs, kernelMs, rounds, kernels: rows, dispatches });
    return;
  }
  out.print(tableOf('kernel', kernels).join('\n'));
  out.print();
  const depth = part === undefined ? 1 : part.split('.').length + 1;
  const parts = rowsBy(wanted, kernelMs, ({ dispatch: { scope } }) => partOf(scope, depth));
  out.print(tableOf('part', parts).join('\n'));
  out.print();
  if (part !== undefined) out.print(`${part}: ${msText(sumOf(wanted, ({ ms }) => ms))}`);
  const submits = plans.reduce((sum, { times }) => sum + times, 0);
  printTotals(out, found, kernelMs, submits);
}

/** A step of several batches replays the first plan for each of them. */
export function profiledPlans(
  step: readonly Plan[],
  { accumulate, batch, context }: Pick<PretrainSettings, 'accumulate' | 'batch' | 'context'>,
  vocabSize: number,
): ProfiledPlan[] {
  const draw = (stream: number) =>
    Int32Array.from({ length: batch * context }, (_, i) => randomBits(0, stream, i) % vocabSize);
  const tokens = languageBatch({ inputs: draw(0), targets: draw(1) }, context);
  // Parameters stay as they are drawn, so that no number grows however often the step is repeated.
  const scalars = { learningRate: 0, randomStep: 0 };
  return step.map((plan, i) => {
    const known = <T>(values: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(values).filter(([name]) => plan.inputs.has(name)));
    return { plan, batch: known(tokens), scalars: known(scalars), times: i < step.length - 1 ? accumulate : 1 };
  });
}

/** Rows by name, the longest time first. */
export function rowsBy(
  dispatches: readonly TimedDispatch[],
  totalMs: number,
  nameOf: (each: TimedDispatch) => string,
): ProfileRow[] {
  const groups = new Map<string, TimedDispatch[]>();
  for (const each of dispatches) {
    const name = nameOf(each);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const rows = [...groups].map(([name, group]): ProfileRow => {
    const ms = sumOf(group, (each) => each.ms);
    const flops = sumOf(group, ({ dispatch }) => dispatch.flops ?? 0);
    const bytes = sumOf(group, (each) => each.bytes);
    return { name, count: sumOf(group, () => 1), ms, share: totalMs > 0 ? ms / totalMs : 0, flops, bytes };
  });
  return rows.sort((a, b) => b.ms - a.ms);
}

function sumOf(dispatches: readonly TimedDispatch[], of: (each: TimedDispatch) => number): number {
  return dispatches.reduce((sum, each) => sum + each.times * of(each), 0);
}

function belongs(scope: string, part: string): boolean {
  return scope === part || scope.startsWith(`${part}.`);
}

/** `h.0.mlp.backward` at depth 2 is `h.0`, at depth 4 itself. */
function partOf(scope: string, depth: number): string {
  return scope.split('.').slice(0, depth).join('.') || '(no part)';
}

function refuseUnknown(part: string, step: readonly Plan[]): void {
  const scopes = step.flatMap((plan) => plan.dispatches.map(({ scope }) => scope));
  if (scopes.some((scope) => belongs(scope, part))) return;
  const parts = [...new Set(scopes.flatMap((scope) => [partOf(scope, 1), partOf(scope, 2)]))];
  const names = [...parts.slice(0, 12), ...(parts.length > 12 ? ['...'] : [])].join(', ');
  throw new InputError(`trace ${part}: no part of that name in this plan. Parts here: ${names}.`);
}

/** null where nothing is counted, or no time has passed by the adapter's clock. */
function ratesOf({ flops, bytes, ms }: Pick<ProfileRow, 'flops' | 'bytes' | 'ms'>) {
  const rate = (amount: number) => (amount > 0 && ms > 0 ? (1000 * amount) / ms : null);
  return { flopPerSecond: rate(flops), bytesPerSecond: rate(bytes) };
}

function dispatchJson({ dispatch, times, ms, bytes }: TimedDispatch, totalMs: number): object {
  const { kernel, op, form, scope, workgroups, flops } = dispatch;
  const share = totalMs > 0 ? (times * ms) / totalMs : 0;
  const rates = ratesOf({ flops: flops ?? 0, bytes, ms });
  return { kernel, op, form, scope, workgroups, times, ms, share, flops, bytes, ...rates };
}

/** Fits 80 columns. */
function tableOf(title: string, rows: readonly ProfileRow[]): string[] {
  const width = Math.max(title.length, ...rows.map(({ name }) => name.length));
  const decimals = Math.max(1, Math.min(3, 4 - String(Math.floor(rows[0]?.ms ?? 0)).length));
  const line = (name: string, cells: readonly string[]) =>
    `${name.padEnd(width)}${cells.map((cell, i) => cell.padStart([8, 10, 9, 10, 9][i]!)).join('')}`;
  const inBillions = (rate: number | null) => (rate === null ? '-' : shortNumber(rate / 1e9));
  return [
    line(title, ['count', 'ms', 'share', 'GFLOP/s', 'GB/s']),
    ...rows.map((row) => {
      const { flopPerSecond, bytesPerSecond } = ratesOf(row);
      const share = `${(100 * row.share).toFixed(1)} %`;
      const rates = [inBillions(flopPerSecond), inBillions(bytesPerSecond)];
      return line(row.name, [grouped(row.count), row.ms.toFixed(decimals), share, ...rates]);
    }),
  ];
}

/** What the dispatches take together, what the step takes, and what is between the two. */
function printTotals(out: Output, { dispatches, stepMs, rounds }: Profile, kernelMs: number, submits: number): void {
  const count = grouped(sumOf(dispatches, () => 1));
  const [less, more] = [stepMs < kernelMs, msText(Math.abs(stepMs - kernelMs))];
  const percent = `${((100 * Math.abs(stepMs - kernelMs)) / stepMs).toFixed(1)} %`;
  out.print(`all ${count} dispatches, each in its own pass: ${msText(kernelMs)} by the adapter's clock`);
  out.print(`the step as it ordinarily runs, ${counted(submits, 'submit')}: ${msText(stepMs)} by this machine's,`);
  out.print(
    less
      ? `  ${more} (${percent}) less: passes and clock readings cost at least that`
      : `  ${more} (${percent}) more: submitting, waiting, and other programs`,
  );
  out.print(`medians of ${counted(rounds, 'round')}; GB/s: all that a dispatch binds, once;`);
  out.print('GFLOP/s: products of matrices only, causal attention counted as half');
}

function msText(ms: number): string {
  return `${shortNumber(ms, 4)} ms`;
}
