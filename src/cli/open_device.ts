// Opening a device as the flags say, and the line that tells which adapter runs and how to get a faster one.
import { readFileSync } from 'node:fs';
import { codeOf, diskLayer, nameOfKind } from '../checkpoint/files.ts';
import { printable } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import type { Capabilities } from '../ops/op.ts';
import { type Device, openDevice } from '../runtime/device.ts';
import type { OpenedGPU } from '../runtime/platform/platform.ts';
import { formNames, type KernelTable } from '../schedule/order.ts';
import { fastKernels } from '../tune/kernel_choice.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import type { Output } from './output.ts';
import { diskStore } from './tune/disk_store.ts';

/** What is shown while kernels compile. At the end too: some drivers compile at the first run of a kernel, for seconds. */
export function compilingText(done: number, total: number): string {
  return done < total ? `compiling kernel ${done + 1} of ${total}` : `first run of ${total} new kernels`;
}

/**
 * @param flags with `profile` the device has timestamp queries
 * @param saved the table that a run recorded, instead of what the flag says
 * @throws InputError without an adapter, or for a kernel table that names unknown ops or forms
 */
export async function deviceFor(
  { out, env }: CommandContext,
  flags: GlobalValues & { profile?: boolean | undefined },
  onCompile = (done: number, total: number) => out.status(compilingText(done, total)),
  saved?: KernelTable,
): Promise<Device> {
  const given = flags.kernels === 'auto' ? null : kernelTable(flags.kernels);
  const choose = (capabilities: Capabilities, opened: OpenedGPU) => {
    if (saved) return { table: adapted(saved, capabilities, out), from: 'saved: by the run that is gone on with' };
    if (given) return { table: given, from: `given: --kernels ${flags.kernels}` };
    return fastKernels(diskStore(env), (line) => out.note(printable(line, true)))(capabilities, opened);
  };
  const device = await openDevice({
    ...(flags.adapter !== undefined && { adapter: flags.adapter }),
    limits: flags.limits,
    kernels: choose,
    onCompile,
    ...(flags.profile && { timestamps: true }),
  });
  const { driver, advice } = device.opened;
  out.note(`adapter: ${printable(device.name, true)} (${[driver, advice].filter(Boolean).join(' ')})`);
  if (device.kernelsFrom.startsWith('stored')) out.note(`kernels: ${device.kernelsFrom}, see devices`);
  return device;
}

/** A saved run's table; a form that does not run here gives way to the portable one, and that is said. */
function adapted(saved: KernelTable, capabilities: Capabilities, out: Output): KernelTable {
  const entries = Object.entries(saved).map(([name, wanted]) => {
    const forms = formNames(wanted).map((each) => {
      const form = ops.find((o) => o.name === name)?.forms.find((f) => f.name === each);
      if (!form?.runsOn || form.runsOn(capabilities)) return each;
      out.note(
        `kernels: ${name} ran as ${each}, which this adapter cannot run: portable from here on, so the last digits of losses may differ`,
      );
      return 'portable';
    });
    return [name, [...new Set(forms)].join(',')];
  });
  return Object.fromEntries(entries);
}

/** Tables are some lines long. */
const maxTableBytes = 2 ** 20;

/** `portable` takes the same forms on every adapter; a file holds op -> forms. @throws InputError for a file that is none such */
export function kernelTable(flag: string): KernelTable {
  if (flag === 'portable')
    return Object.fromEntries(ops.filter((o) => o.forms.length > 1).map((o) => [o.name, 'portable']));
  const refused = (reason: string) =>
    new InputError(
      `--kernels: ${flag}: ${reason}, expected auto, portable or a JSON file such as {"sum":"one_stage"}.`,
    );
  let table: unknown;
  try {
    const found = diskLayer.stat(flag);
    // A device or pipe may have no end.
    if (found && (found.kind !== 'file' || found.size > maxTableBytes))
      throw refused(`found ${found.kind === 'file' ? `${found.size} bytes` : nameOfKind(found)}`);
    table = JSON.parse(readFileSync(flag, 'utf8'));
  } catch (error) {
    throw error instanceof InputError ? error : refused(codeOf(error) ?? 'not JSON');
  }
  if (table === null || typeof table !== 'object' || Array.isArray(table))
    throw new InputError(`--kernels: ${flag}: expected an object of op names and forms, such as {"sum":"one_stage"}.`);
  return table as KernelTable;
}
