// A table that comes with the program, for a kind of adapter: measured on one machine, used on all like it that measured nothing.
import type { KernelTable } from '../schedule/order.ts';

export interface ShippedTable {
  /** A part of the names of all adapters of this kind, in lower case. */
  readonly adapter: string;
  /** As an AdapterKey has it: other subgroups are another kind. */
  readonly subgroups: string;
  /** The day. */
  readonly measured: string;
  /** The adapter, with its driver's version, and the home. */
  readonly on: string;
  /** Forms by op name, where others than the first that fits are faster. */
  readonly kernels: KernelTable;
  /** The same among the forms that run there without optional features. */
  readonly plain: KernelTable;
  /** The forms that each of these ops had: where one has others now, its entries say nothing. */
  readonly forms: Readonly<Record<string, string>>;
}
