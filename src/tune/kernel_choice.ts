// Which table of kernels is in force: one that was given goes first, then one measured on this very adapter, then one that comes with
// the program for its kind, then each op's first form that fits. Every form is right wherever it runs, so this decides speed alone.
import { ops } from '../ops/index.ts';
import type { Capabilities } from '../ops/op.ts';
import type { KernelChoice } from '../runtime/device.ts';
import { currentPlatform, type OpenedGPU } from '../runtime/platform/platform.ts';
import { formNames, type KernelTable } from '../schedule/order.ts';
import { type AdapterKey, keyOfOpened } from './adapter_key.ts';
import { shipped } from './shipped.ts';
import type { ShippedTable } from './shipped_table.ts';
import { type Note, readTable, type TableStore } from './store.ts';
import { formsNow, type StoredTable } from './stored_table.ts';

/** What `openDevice` takes as `kernels`, so that an adapter runs what is fast on it. */
export function fastKernels(store: TableStore, note: Note = () => {}) {
  return async (capabilities: Capabilities, opened: OpenedGPU): Promise<KernelChoice> => {
    const key = keyOfOpened((await currentPlatform()).name, opened, capabilities);
    return chooseKernels(key, await readTable(store, key, note), capabilities);
  };
}

/**
 * @param stored the table measured on this adapter, if there is one
 * @param capabilities with them, forms that do not run here give way to the first that fits
 */
export function chooseKernels(
  key: AdapterKey,
  stored: StoredTable | null,
  capabilities: Capabilities | null,
  tables: readonly ShippedTable[] = shipped,
): KernelChoice {
  if (stored) {
    const from = `stored: measured on this adapter on ${stored.measured.slice(0, 10)}`;
    return { table: thatRun(stored.kernels, capabilities), from };
  }
  const kind = tables.find((table) => isOfKind(key, table));
  if (!kind) return { table: {}, from: 'first: this adapter was not measured' };
  const { adapter, subgroups, measured, forms } = kind;
  const known = formsNow();
  const same = ([op]: [string, string]) => known[op] !== undefined && known[op] === forms[op];
  const chosen = Object.entries(key.subgroups === subgroups ? kind.kernels : kind.plain).filter(same);
  return {
    table: thatRun(Object.fromEntries(chosen), capabilities),
    from: `shipped: measured on ${adapter} ${subgroups === 'none' ? 'without subgroups' : `with subgroups of ${subgroups}`} on ${measured}`,
  };
}

/** Homes name an adapter differently, and some do not tell of its subgroups: there its plain table is taken. */
function isOfKind(key: AdapterKey, { adapter, subgroups }: ShippedTable): boolean {
  const { name, vendor, architecture, device, description } = key;
  const told = [name, `${vendor} ${architecture}`, device, description].join('\n').toLowerCase();
  return told.includes(adapter.toLowerCase()) && (key.subgroups === subgroups || key.subgroups === 'none');
}

function thatRun(table: KernelTable, capabilities: Capabilities | null): KernelTable {
  const entries = Object.entries(table).map(([name, entry]) => {
    const forms = ops.find((op) => op.name === name)?.forms ?? [];
    const runs = (wanted: string) =>
      forms.some((f) => f.name === wanted && (capabilities === null || (f.runsOn?.(capabilities) ?? true)));
    return [name, formNames(entry).filter(runs).join(',')] as const;
  });
  return Object.fromEntries(entries.filter(([, entry]) => entry !== ''));
}
