// A table of kernels that was measured on an adapter, as a text that can be kept: which adapter that was, which forms there were,
// and whether a text is such a table for this version. Pure.
import { object, text } from '../checkpoint/fields.ts';
import { described, type JsonObject, parseJson } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import { formNames, type KernelTable } from '../schedule/order.ts';
import { type AdapterKey, keyFields } from './adapter_key.ts';

/** Of the text's form. */
const VERSION = 2;

export interface StoredTable {
  readonly adapter: AdapterKey;
  /** When, as Date.toISOString() writes it. */
  readonly measured: string;
  /** Forms by op name, where others than the first that fits are faster. */
  readonly kernels: KernelTable;
  /** The same among the forms that run there without optional features. */
  readonly plain: KernelTable;
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
  const measured = text(root, 'measured', where);
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(measured))
    throw new InputError(`${where}: measured: found ${described(measured)}, expected a date.`);
  const table = {
    adapter: Object.fromEntries(
      keyFields.map((name) => [name, text(adapter, name, `${where}: adapter`)]),
    ) as unknown as AdapterKey,
    measured,
    kernels: kernelsOf(root, 'kernels', where),
    plain: kernelsOf(root, 'plain', where),
  };
  if (JSON.stringify(Object.fromEntries(object(root, 'forms', where))) !== JSON.stringify(formsNow()))
    throw new InputError(`${where}: measured among other forms of ops than this version has.`);
  return table;
}

/** "matmul tile, sum one_stage", or "each op's first form that fits" */
export function tableText(kernels: KernelTable): string {
  const entries = Object.entries(kernels).map(([op, form]) => `${op} ${form}`);
  return entries.join(', ') || "each op's first form that fits";
}

/** Names of the forms of each op that has several. */
export function formsNow(): Record<string, string> {
  const several = ops.filter((op) => op.forms.length > 1);
  return Object.fromEntries(several.map((op) => [op.name, op.forms.map((form) => form.name).join(' ')]));
}

function kernelsOf(root: JsonObject, key: string, where: string): KernelTable {
  const fields = object(root, key, where);
  const entries = [...fields.keys()].map((name) => {
    const wanted = text(fields, name, `${where}: ${key}`);
    const op = ops.find((o) => o.name === name);
    const unknown = formNames(wanted).find((each) => !op?.forms.some((form) => form.name === each));
    if (unknown !== undefined)
      throw new InputError(
        `${where}: ${key}: found the form ${described(unknown)} of ${described(name)}, not known here.`,
      );
    return [name, wanted];
  });
  return Object.fromEntries(entries);
}
