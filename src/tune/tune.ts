// Every form of every op that has several, timed and checked on an adapter: the table that makes runs there fast.
import type { Device } from '../runtime/device.ts';
import { currentPlatform } from '../runtime/platform/platform.ts';
import { median } from '../runtime/profile.ts';
import { keyOfOpened } from './adapter_key.ts';
import { type Choice, choose, plainOnly, tableFrom, type Wrong, wrongForms } from './choose.ts';
import { type MeasuredCase, measureCase, TOLERANCE } from './measure.ts';
import { type TuneCase, tuneCases } from './shapes.ts';
import type { StoredTable } from './stored_table.ts';

/** What was found. `keepTable` keeps the table for later runs. */
export interface Tuning {
  table: StoredTable;
  choices: Choice[];
  /** Forms that are wrong on this adapter, and were not chosen. */
  wrong: Wrong[];
  /** The worst time of one form over its best, median of all calls: 1 on a quiet machine. */
  spread: number;
}

export interface TuneOptions {
  cases?: readonly TuneCase[];
  /** Before each call: how many are done, of how many, and which op and shape comes. */
  onCase?(done: number, total: number, name: string): void;
}

/** Takes a minute on a software adapter, longer the first time. The device's own table is not looked at. */
export async function tune(device: Device, { cases = tuneCases, onCase }: TuneOptions = {}): Promise<Tuning> {
  const measured: MeasuredCase[] = [];
  for (const [i, each] of cases.entries()) {
    onCase?.(i, cases.length, `${each.op.name} ${each.name}`);
    measured.push(await measureCase(device, each));
  }
  const choices = choose(measured);
  const adapter = keyOfOpened((await currentPlatform()).name, device.opened, device.capabilities);
  const table = {
    adapter,
    measured: new Date().toISOString(),
    kernels: tableFrom(choices),
    plain: tableFrom(choose(plainOnly(measured))),
  };
  const wrong = wrongForms(measured, TOLERANCE);
  return { table, choices, wrong, spread: median(measured.map((each) => each.spread)) };
}
