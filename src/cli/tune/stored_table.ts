// A table of kernels that was measured on an adapter, as data: which adapter that was, and whether a stored text is such a table
// for this adapter and this version. Pure: table_file.ts keeps it on the disk.
import { object, text } from '../../checkpoint/fields.ts';
import { described, type JsonObject, parseJson } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';
import { ops } from '../../ops/index.ts';
import type { Capabilities } from '../../ops/op.ts';
import type { OpenedGPU } from '../../runtime/platform/platform.ts';
import { type AdapterReport, reportAdapter } from '../../runtime/platform/report.ts';
import type { KernelTable } from '../../schedule/order.ts';

/** Of the file's form. */
const VERSION = 1;

/**
 * What a measured table holds for: an adapter with its driver (`description` names its version), reached from one home, whose
 * compiler of kernels is its own, with or without subgroups.
 */
export interface AdapterKey {
  readonly home: string;
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** "none", "8", "8 to 32". */
  readonly subgroups: string;
}

export interface StoredTable {
  readonly adapter: AdapterKey;
  /** When, as Date.toISOString() writes it. */
  readonly measured: string;
  /** Form by op name, where another than the first that fits is faster. */
  readonly kernels: KernelTable;
}

/** @param limits as the flag has it: at WebGPU's defaults there are no subgroups */
export function adapterKey(home: string, report: AdapterReport, limits: 'adapter' | 'default'): AdapterKey {
  const { name, vendor, architecture, device, description } = report;
  const has = limits === 'adapter' && report.features.includes('subgroups');
  return { home, name, vendor, architecture, device, description, subgroups: has ? subgroupsOf(report) : 'none' };
}

/** As `adapterKey`, of an adapter that has been opened. */
export function keyOfOpened(home: string, { adapter, driver }: OpenedGPU, limits: 'adapter' | 'default'): AdapterKey {
  return adapterKey(home, reportAdapter(adapter, driver), limits);
}

/** "8", "8 to 32", or "none". */
export function subgroupsOf({ subgroupMinSize: min, subgroupMaxSize: max }: AdapterReport): string {
  if (min === null) return 'none';
  return min === max ? `${min}` : `${min} to ${max}`;
}

export function sameAdapter(a: AdapterKey, b: AdapterKey): boolean {
  return textOf(a) === textOf(b);
}

/** The key as one text. */
export function textOf({ home, name, vendor, architecture, device, description, subgroups }: AdapterKey): string {
  return JSON.stringify([home, name, vendor, architecture, device, description, subgroups]);
}

/** The text of a stored table. */
export function storedText(table: StoredTable): string {
  return `${JSON.stringify({ version: VERSION, ...table, forms: formsNow() }, null, 2)}\n`;
}

/**
 * A stored table.
 * @param where opens every message
 * @throws InputError if it is not one, or was measured among other forms than this version has
 */
export function parseStored(json: string, where: string): StoredTable {
  const root = parseJson(json, where);
  if (!(root instanceof Map)) throw new InputError(`${where}: found ${described(root)}, expected an object.`);
  if (root.get('version') !== VERSION)
    throw new InputError(`${where}: version: found ${described(root.get('version'))}, expected ${VERSION}.`);
  const adapter = object(root, 'adapter', where);
  const field = (name: keyof AdapterKey) => text(adapter, name, `${where}: adapter`);
  const measured = text(root, 'measured', where);
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(measured))
    throw new InputError(`${where}: measured: found ${described(measured)}, expected a date.`);
  const table = {
    adapter: {
      home: field('home'),
      name: field('name'),
      vendor: field('vendor'),
      architecture: field('architecture'),
      device: field('device'),
      description: field('description'),
      subgroups: field('subgroups'),
    },
    measured,
    kernels: kernelsOf(object(root, 'kernels', where), where),
  };
  if (JSON.stringify(plain(object(root, 'forms', where))) !== JSON.stringify(formsNow()))
    throw new InputError(`${where}: measured among other forms of ops than this version has.`);
  return table;
}

/** The table of this adapter, or null. Forms that do not run on it give way to the first that fits. */
export function pickTable(
  tables: readonly StoredTable[],
  key: AdapterKey,
  capabilities: Capabilities,
): StoredTable | null {
  const found = tables.find((table) => sameAdapter(table.adapter, key));
  if (!found) return null;
  const runs = ([name, wanted]: [string, string]) => {
    const form = ops.find((op) => op.name === name)?.forms.find((f) => f.name === wanted);
    return form !== undefined && (form.runsOn?.(capabilities) ?? true);
  };
  return { ...found, kernels: Object.fromEntries(Object.entries(found.kernels).filter(runs)) };
}

/** "measured on this adapter on 2026-11-25" */
export function measuredText({ measured }: StoredTable): string {
  return `measured on this adapter on ${measured.slice(0, 10)}`;
}

/** "matmul tile, sum one_stage", or "each op's first form that fits" */
export function tableText(kernels: KernelTable): string {
  const entries = Object.entries(kernels).map(([op, form]) => `${op} ${form}`);
  return entries.join(', ') || "each op's first form that fits";
}

/** Names of the forms of each op that has several. */
function formsNow(): Record<string, string> {
  const several = ops.filter((op) => op.forms.length > 1);
  return Object.fromEntries(several.map((op) => [op.name, op.forms.map((form) => form.name).join(' ')]));
}

function kernelsOf(fields: JsonObject, where: string): KernelTable {
  const entries = [...fields.keys()].map((name) => {
    const wanted = text(fields, name, `${where}: kernels`);
    const op = ops.find((o) => o.name === name);
    if (!op?.forms.some((form) => form.name === wanted))
      throw new InputError(
        `${where}: kernels: found the form ${described(wanted)} of ${described(name)}, not known here.`,
      );
    return [name, wanted];
  });
  return Object.fromEntries(entries);
}

function plain(fields: JsonObject): object {
  return Object.fromEntries([...fields].map(([name, value]) => [name, value]));
}
