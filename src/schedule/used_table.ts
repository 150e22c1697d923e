// The kernel table that a run's record keeps.
import { ops } from '../ops/index.ts';
import type { Capabilities } from '../ops/op.ts';
import { type KernelTable, tried } from './order.ts';
import type { Plan } from './plan.ts';

/**
 * The table that gives these plans again, as a run remembers it so that a resume in another home does the same: of each op with
 * several forms those that were used, in the order in which they were tried. A node takes the first that fits, so that leaving
 * out forms that no node took changes nothing.
 * @param capabilities with which the plans were made, and with this table
 */
export function tableOf(plans: readonly Plan[], capabilities: Capabilities, table: KernelTable): KernelTable {
  const used = new Set(plans.flatMap((p) => p.dispatches.map((d) => `${d.op} ${d.form}`)));
  const chosen = ops
    .filter((op) => op.forms.length > 1)
    .map(({ name, forms }) => {
      const names = tried(forms, capabilities, table[name]).map((form) => form.name);
      return [name, names.filter((form) => used.has(`${name} ${form}`)).join(',')] as const;
    });
  return Object.fromEntries(chosen.filter(([, entry]) => entry !== ''));
}

/** The table that gives any plan again: of each op with several forms all that are tried. For a run whose plans come in many shapes, not all of which are made before its first step. */
export function triedTable(capabilities: Capabilities, table: KernelTable): KernelTable {
  const several = ops.filter((op) => op.forms.length > 1);
  return Object.fromEntries(
    several.map(({ name, forms }) => [
      name,
      tried(forms, capabilities, table[name])
        .map((form) => form.name)
        .join(','),
    ]),
  );
}
