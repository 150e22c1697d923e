// `devices --tune`: what was measured of an adapter is printed, and its table kept.

import { printable } from '../../data/printable.ts';
import type { Device } from '../../runtime/device.ts';
import { keyText } from '../../tune/adapter_key.ts';
import type { Choice } from '../../tune/choose.ts';
import { TOLERANCE } from '../../tune/measure.ts';
import { type TuneCase, tuneCases } from '../../tune/shapes.ts';
import { keepTable } from '../../tune/store.ts';
import { tune } from '../../tune/tune.ts';
import type { CommandContext } from '../command.ts';
import { choiceTable } from './choice_table.ts';
import { diskStore } from './disk_store.ts';

/** Spread of the times of one form (median over all calls) from which a table is not to be trusted. */
const BUSY = 1.3;

/** @throws RunError if the table cannot be kept */
export async function tuneAndShow(
  { out, env }: Pick<CommandContext, 'out' | 'env'>,
  device: Device,
  cases: readonly TuneCase[] = tuneCases,
): Promise<void> {
  out.note(`measuring ${cases.length} calls of ops in each of their forms, best while nothing else runs`);
  const onCase = (done: number, total: number, name: string) =>
    out.status(`measuring ${done + 1} of ${total}: ${name}`);
  const { table, choices, wrong, spread } = await tune(device, { cases, onCase });
  out.status('');
  const store = diskStore(env);
  await keepTable(store, table);

  const file = store.placeOf(keyText(table.adapter));
  for (const choice of choices) for (const line of choiceTable(choice, out.style)) out.print(line);
  out.print('ms a call, the best of 3 medians of 5 samples. Where a form does not fit, its');
  out.print('sum has the first that does. --kernels auto takes what was chosen, from:');
  out.print(printable(file, true));
  out.emit({ ...table, ops: choices.map(choiceJson), wrong, spread, file });
  if (spread > BUSY)
    out.warn(
      `devices --tune: times of one form differ by ${spread.toFixed(1)}x, expected less than ${BUSY}x: the machine was busy. Measure again when nothing else runs`,
    );
  for (const { op, form, shape, error } of wrong)
    out.warn(
      `${op}: the form ${form} is wrong on this adapter: at ${shape} off by ${error.toPrecision(2)} of the largest value, expected at most ${TOLERANCE}. It was not chosen`,
    );
}

/** Infinite times, of wrong forms, become null. */
function choiceJson({ op, form, why, cases, candidates }: Choice): object {
  return {
    op,
    form,
    why,
    forms: candidates.map(({ name, ms }) => ({ form: name, ms })),
    shapes: cases.map(({ name, forms }) => ({
      shape: name,
      forms: forms.map(({ name: each, ms, error }) => ({ form: each, ms, error })),
    })),
  };
}
