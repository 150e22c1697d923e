// The golden runner as a program for `runIn`: the same in Node, Deno and Chromium. It prints a line of JSON a case, and
// others while kernels compile.
import { InputError } from '../../errors.ts';
import type { Capabilities } from '../../ops/op.ts';
import { openDevice } from '../../runtime/device.ts';
import { currentPlatform, type OpenedGPU } from '../../runtime/platform/platform.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { keyOfOpened, keyText } from '../../tune/adapter_key.ts';
import { chooseKernels } from '../../tune/kernel_choice.ts';
import type { StoredTable } from '../../tune/stored_table.ts';
import type { EntryTools } from '../elsewhere/entry.ts';
import { type GoldenSummary, runGolden } from './run_golden.ts';

export interface GoldenTask {
  only: readonly string[];
  adapter?: string | undefined;
  limits: 'adapter' | 'default';
  dtype: Precision;
  /** Form by op, as `--kernels` says; null for `auto`. */
  kernels: Readonly<Record<string, string>> | null;
  /** Tables of this machine, one of which may be the adapter's: for `auto`. */
  measured: readonly StoredTable[];
}

export interface GoldenResult extends GoldenSummary {
  adapter: string;
  /** Where the table of kernels came from, see KernelChoice. */
  kernelsFrom: string;
}

/** @param args a GoldenTask. The folder is the one whose files `tools` reads. */
export async function main(args: unknown, tools: EntryTools): Promise<GoldenResult> {
  const { only, adapter, limits, kernels, measured, dtype } = args as GoldenTask;
  const { name: home } = await currentPlatform();
  const choose = (capabilities: Capabilities, opened: OpenedGPU) => {
    const key = keyOfOpened(home, opened, capabilities);
    const stored = measured.find((table) => keyText(table.adapter) === keyText(key));
    return chooseKernels(key, stored ?? null, capabilities);
  };
  const device = await openDevice({
    limits,
    kernels: kernels ?? choose,
    ...(adapter !== undefined && { adapter }),
    onCompile: (done, total) => tools.print(JSON.stringify({ compiling: [done, total] })),
  });
  try {
    if (dtype === 'f16' && !device.capabilities.features.has('shader-f16'))
      throw new InputError(
        `golden: found --dtype f16, but ${device.name} has no shader-f16. Choose another adapter, or leave it out.`,
      );
    const summary = await runGolden({
      machine: device,
      files: { read: (path) => tools.readFile(path) },
      only,
      dtype,
      onCase: (result) => tools.print(JSON.stringify(result)),
    });
    return {
      ...summary,
      adapter: `${device.name} (${device.opened.driver})`,
      kernelsFrom: device.kernelsFrom,
    };
  } finally {
    device.close();
  }
}
