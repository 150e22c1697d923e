// The golden runner as a program for `runIn`: the same in Node, Deno and Chromium. It prints a line of JSON a case.
import type { Capabilities } from '../../ops/op.ts';
import { openDevice } from '../../runtime/device.ts';
import { currentPlatform, type OpenedGPU } from '../../runtime/platform/platform.ts';
import type { EntryTools } from '../elsewhere/entry.ts';
import { keyOfOpened, measuredText, pickTable, type StoredTable } from '../tune/stored_table.ts';
import { type GoldenSummary, runGolden } from './run_golden.ts';

export interface GoldenTask {
  only: readonly string[];
  adapter?: string | undefined;
  limits: 'adapter' | 'default';
  /** Form by op, as `--kernels` says. */
  kernels: Readonly<Record<string, string>>;
  /** Tables of this machine, one of which may be the adapter's: it goes before `kernels`. */
  measured: readonly StoredTable[];
}

export interface GoldenResult extends GoldenSummary {
  adapter: string;
  /** "measured on this adapter on 2026-11-25", or null where no measured table was taken. */
  kernels: string | null;
}

/** @param args a GoldenTask. The folder is the one whose files `tools` reads. */
export async function main(args: unknown, tools: EntryTools): Promise<GoldenResult> {
  const { only, adapter, limits, kernels, measured } = args as GoldenTask;
  const { name: home } = await currentPlatform();
  const found: { table?: StoredTable | null } = {};
  const choose = (capabilities: Capabilities, opened: OpenedGPU) => {
    found.table = pickTable(measured, keyOfOpened(home, opened, limits), capabilities);
    return found.table?.kernels ?? kernels;
  };
  const device = await openDevice({ limits, kernels: choose, ...(adapter !== undefined && { adapter }) });
  try {
    const summary = await runGolden({
      machine: device,
      files: { read: (path) => tools.readFile(path) },
      only,
      onCase: (result) => tools.print(JSON.stringify(result)),
    });
    const { table } = found;
    return {
      ...summary,
      adapter: `${device.name} (${device.opened.driver})`,
      kernels: table ? measuredText(table) : null,
    };
  } finally {
    device.close();
  }
}
