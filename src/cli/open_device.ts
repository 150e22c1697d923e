// Opening a device as the flags say, and the line that tells which adapter runs and how to get a faster one.
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import type { Capabilities } from '../ops/op.ts';
import { type Device, openDevice } from '../runtime/device.ts';
import { currentPlatform, type OpenedGPU } from '../runtime/platform/platform.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { Plan } from '../schedule/plan.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';
import { keyOfOpened, measuredText, pickTable, type StoredTable } from './tune/stored_table.ts';
import { readTable } from './tune/table_file.ts';

/**
 * @param flags with `profile` the device has timestamp queries
 * @param saved the table that a run recorded, instead of what the flag says
 * @throws InputError without an adapter, or for a kernel table that names unknown ops or forms
 */
export async function deviceFor(
  { out, env }: CommandContext,
  flags: GlobalValues & { profile?: boolean | undefined },
  onCompile?: (done: number, total: number) => void,
  saved?: KernelTable,
): Promise<Device> {
  const { name: home } = await currentPlatform();
  const limits = flags.limits as 'adapter' | 'default';
  const fixed = flags.kernels === 'auto' ? null : kernelTable(flags.kernels);
  const found: { measured?: StoredTable | null } = {};
  const measured = (capabilities: Capabilities, opened: OpenedGPU) => {
    const key = keyOfOpened(home, opened, limits);
    const table = readTable(key, env, (line) => out.note(line));
    found.measured = table && pickTable([table], key, capabilities);
    return found.measured?.kernels ?? {};
  };
  const device = await openDevice({
    ...(flags.adapter !== undefined && { adapter: flags.adapter }),
    limits,
    kernels: saved ? (capabilities) => adapted(saved, capabilities, out) : (fixed ?? measured),
    ...(onCompile && { onCompile }),
    ...(flags.profile && { timestamps: true }),
  });
  const { driver, advice } = device.opened;
  out.note(`adapter: ${printable(device.name, true)} (${[driver, advice].filter(Boolean).join(' ')})`);
  if (found.measured) out.note(`kernels: ${measuredText(found.measured)}, see devices`);
  return device;
}

/** A saved run's table; a form that does not run here gives way to the portable one, and that is said. */
function adapted(saved: KernelTable, capabilities: Capabilities, out: Output): KernelTable {
  const entries = Object.entries(saved).map(([name, wanted]) => {
    const form = ops.find((o) => o.name === name)?.forms.find((f) => f.name === wanted);
    if (!form?.runsOn || form.runsOn(capabilities)) return [name, wanted];
    out.note(
      `kernels: ${name} ran as ${wanted}, which this adapter cannot run: portable from here on, so the last digits of losses may differ`,
    );
    return [name, 'portable'];
  });
  return Object.fromEntries(entries);
}

/**
 * `auto` takes each op's first form that applies, where the adapter was not measured; `portable` the first that needs no feature;
 * a file holds op -> form.
 */
export function kernelTable(flag: string): KernelTable {
  if (flag === 'auto') return {};
  if (flag === 'portable')
    return Object.fromEntries(ops.filter((o) => o.forms.some((f) => f.runsOn)).map((o) => [o.name, 'portable']));
  let table: unknown;
  try {
    table = JSON.parse(readFileSync(flag, 'utf8'));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'not JSON';
    throw new InputError(
      `--kernels: ${flag}: ${reason}, expected auto, portable or a JSON file such as {"sum":"one_stage"}.`,
    );
  }
  if (table === null || typeof table !== 'object' || Array.isArray(table))
    throw new InputError(`--kernels: ${flag}: expected an object of op names and forms, such as {"sum":"one_stage"}.`);
  return table as KernelTable;
}

/**
 * The table that gives these plans again, as a run remembers it so that a resume in another home does the same. A form that was
 * asked for and used says it all, since the first that applies stood in for it elsewhere; so does, without one, the first used.
 * @param table with which the plans were made
 */
export function tableOf(plans: readonly Plan[], table: KernelTable): KernelTable {
  const used = new Set(plans.flatMap((p) => p.dispatches.map((d) => `${d.op} ${d.form}`)));
  const chosen = ops
    .filter((op) => op.forms.length > 1)
    .map((op) => {
      const names = op.forms.map((form) => form.name).filter((name) => used.has(`${op.name} ${name}`));
      return [op.name, names.find((name) => name === table[op.name]) ?? names[0]] as const;
    });
  return Object.fromEntries(chosen.filter(([, form]) => form !== undefined)) as KernelTable;
}
