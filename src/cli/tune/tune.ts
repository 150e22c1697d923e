// `devices --tune`: every form of every op that has several is timed and checked on an adapter, the table is printed and kept.
import type { Device } from '../../runtime/device.ts';
import { currentPlatform } from '../../runtime/platform/platform.ts';
import { median } from '../../runtime/profile.ts';
import type { CommandContext } from '../command.ts';
import { printable } from '../printable.ts';
import { choiceTable } from './choice_table.ts';
import { type Choice, choose, tableFrom, wrongForms } from './choose.ts';
import { type MeasuredCase, measureCase, TOLERANCE } from './measure.ts';
import { type TuneCase, tuneCases } from './shapes.ts';
import { keyOfOpened, type StoredTable } from './stored_table.ts';
import { writeTable } from './table_file.ts';

/** Spread of the times of one form (median over all calls) from which a table is not to be trusted. */
const BUSY = 1.3;

/** @throws RunError if the table cannot be kept */
export async function tune(
  { out, env }: CommandContext,
  device: Device,
  limits: 'adapter' | 'default',
  cases: readonly TuneCase[] = tuneCases,
): Promise<void> {
  const measured: MeasuredCase[] = [];
  out.note(`measuring ${cases.length} calls of ops in each of their forms, best while nothing else runs`);
  for (const [i, each] of cases.entries()) {
    out.status(`measuring ${i + 1} of ${cases.length}: ${each.op.name} ${each.name}`);
    measured.push(await measureCase(device, each));
  }
  out.status('');
  const choices = choose(measured);
  const wrong = wrongForms(measured, TOLERANCE);
  const adapter = keyOfOpened((await currentPlatform()).name, device.opened, limits);
  const table: StoredTable = { adapter, measured: new Date().toISOString(), kernels: tableFrom(choices) };
  const file = await writeTable(table, env);

  for (const choice of choices) for (const line of choiceTable(choice, out.style)) out.print(line);
  out.print('ms a call, the best of 3 medians of 5 samples. Where a form does not fit, its');
  out.print('sum has the first that does. --kernels auto takes what was chosen, from:');
  out.print(printable(file, true));
  const spread = median(measured.map((each) => each.spread));
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
