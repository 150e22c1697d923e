// The golden runner as a program for `runIn`: the same in Node, Deno and Chromium. It prints a line of JSON a case.
import { openDevice } from '../../runtime/device.ts';
import type { EntryTools } from '../elsewhere/entry.ts';
import { type GoldenSummary, runGolden } from './run_golden.ts';

export interface GoldenTask {
  only: readonly string[];
  adapter?: string | undefined;
  limits: 'adapter' | 'default';
  /** Form by op, as `--kernels` says. */
  kernels: Readonly<Record<string, string>>;
}

/** @param args a GoldenTask. The folder is the one whose files `tools` reads. */
export async function main(args: unknown, tools: EntryTools): Promise<GoldenSummary & { adapter: string }> {
  const { only, adapter, limits, kernels } = args as GoldenTask;
  const device = await openDevice({ limits, kernels, ...(adapter !== undefined && { adapter }) });
  try {
    const summary = await runGolden({
      machine: device,
      files: { read: (path) => tools.readFile(path) },
      only,
      onCase: (result) => tools.print(JSON.stringify(result)),
    });
    return { ...summary, adapter: `${device.name} (${device.opened.driver})` };
  } finally {
    device.close();
  }
}
