// Where measured tables are kept, whatever that place is: a text a key. A text that cannot be read, is damaged or was measured by
// another version is passed over with a sentence: a table only makes things faster.
import { InputError } from '../errors.ts';
import { type AdapterKey, keyText } from './adapter_key.ts';
import { parseStored, type StoredTable, storedText } from './stored_table.ts';

/** Calls reject with an Error whose message says what is wrong with the place. */
export interface TableStore {
  /** As messages name it: the file, the browser's storage. */
  placeOf(key: string): string;
  /** null where there is none. */
  get(key: string): Promise<string | null>;
  /** Whole or not at all: whoever reads gets the old text or the new one. */
  set(key: string, text: string): Promise<void>;
}

/** Is told why a table is passed over, in a sentence. */
export type Note = (line: string) => void;

/** The table that was measured on this adapter, or null. */
export async function readTable(store: TableStore, key: AdapterKey, note: Note): Promise<StoredTable | null> {
  const own = keyText(key);
  try {
    const json = await store.get(own);
    if (json === null) return null;
    const table = parseStored(json, store.placeOf(own));
    if (keyText(table.adapter) === own) return table;
    throw new InputError(`${store.placeOf(own)}: measured on another adapter.`);
  } catch (error) {
    note(passedOver(error));
    return null;
  }
}

/** @throws what the store throws; an older table is then as it was */
export function keepTable(store: TableStore, table: StoredTable): Promise<void> {
  return store.set(keyText(table.adapter), storedText(table));
}

/** The sentence for a table that cannot be used. */
export function passedOver(error: unknown): string {
  const advice = error instanceof InputError ? ' Measure again to replace it.' : '';
  return `kernels: passed over: ${error instanceof Error ? error.message : error}${advice}`;
}
