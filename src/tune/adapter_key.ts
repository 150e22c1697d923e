// What a measured table holds for: an adapter with its driver, reached from one home, with or without subgroups. Pure.
import type { Capabilities } from '../ops/op.ts';
import type { OpenedGPU } from '../runtime/platform/platform.ts';
import { type AdapterReport, reportAdapter } from '../runtime/platform/report.ts';

export interface AdapterKey {
  /** Its compiler of kernels is its own: `node`, `deno`, `browser`. */
  readonly home: string;
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** With the driver's version, where the home tells it. */
  readonly description: string;
  /** "none", "8", "8 to 32". */
  readonly subgroups: string;
}

/** Texts of an adapter that are a part of its key, in the order in which the key has them. */
export const keyFields = ['home', 'name', 'vendor', 'architecture', 'device', 'description', 'subgroups'] as const;

/** @param subgroups whether they are used: at WebGPU's default limits they are not */
export function adapterKey(home: string, report: AdapterReport, subgroups: boolean): AdapterKey {
  const { name, vendor, architecture, device, description } = report;
  const has = subgroups && report.features.includes('subgroups');
  return { home, name, vendor, architecture, device, description, subgroups: has ? subgroupsOf(report) : 'none' };
}

/** As `adapterKey`, of an adapter that has been opened. */
export function keyOfOpened(
  home: string,
  { adapter, driver }: OpenedGPU,
  { features }: Pick<Capabilities, 'features'>,
): AdapterKey {
  return adapterKey(home, reportAdapter(adapter, driver), features.has('subgroups'));
}

/** "8", "8 to 32", or "none". */
export function subgroupsOf({ subgroupMinSize: min, subgroupMaxSize: max }: AdapterReport): string {
  if (min === null) return 'none';
  return min === max ? `${min}` : `${min} to ${max}`;
}

/** The key as one text: of two adapters it is the same only where one table holds for both. */
export function keyText(key: AdapterKey): string {
  return JSON.stringify(keyFields.map((name) => key[name]));
}
