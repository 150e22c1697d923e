// Opening a device as the flags say, and the line that tells which adapter runs and how to get a faster one.
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import { type Device, openDevice } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import { printable } from './printable.ts';

/** @throws InputError without an adapter, or for a kernel table that names unknown ops or forms */
export async function deviceFor(
  { out }: CommandContext,
  flags: GlobalValues,
  onCompile?: (done: number, total: number) => void,
  saved?: KernelTable,
): Promise<Device> {
  const device = await openDevice({
    ...(flags.adapter !== undefined && { adapter: flags.adapter }),
    limits: flags.limits as 'adapter' | 'default',
    kernels: saved ?? kernelTable(flags.kernels),
    ...(onCompile && { onCompile }),
  });
  const { driver, advice } = device.opened;
  out.note(`adapter: ${printable(device.name, true)} (${[driver, advice].filter(Boolean).join(' ')})`);
  return device;
}

/** `auto` takes each op's first form that applies, `portable` the first that needs no feature; a file holds op -> form. */
export function kernelTable(flag: string): KernelTable {
  if (flag === 'auto') return {};
  if (flag === 'portable')
    return Object.fromEntries(
      ops.filter((o) => o.forms.some((f) => f.features?.length)).map((o) => [o.name, 'portable']),
    );
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
  for (const [name, form] of Object.entries(table)) {
    const op = ops.find((o) => o.name === name);
    if (!op)
      throw new InputError(`--kernels: ${flag}: there is no op "${name}". Ops: ${ops.map((o) => o.name).join(', ')}.`);
    if (form !== 'portable' && !op.forms.some((f) => f.name === form))
      throw new InputError(
        `--kernels: ${flag}: ${name} has no form "${form}"; it has ${op.forms.map((f) => f.name).join(', ') || 'none'}.`,
      );
  }
  return table as KernelTable;
}
