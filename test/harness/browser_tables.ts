// Measuring in a browser's worker as a page does it: an entry for the test of the store there.
import {
  browserStore,
  fastKernels,
  type KernelChoice,
  keepTable,
  openDevice,
  type StoredTable,
  tune,
} from '../../src/index.ts';
import { keyText } from '../../src/tune/adapter_key.ts';
import { unevenLayernorm } from './uneven_layernorm.ts';

export interface BrowserTables {
  chosen: StoredTable['kernels'];
  /** Names of wrong forms. */
  wrong: string[];
  /** What a device runs: before anything was kept, then, and once what was kept is damaged. */
  before: KernelChoice;
  after: KernelChoice;
  spoilt: KernelChoice;
  notes: string[];
}

export async function main(): Promise<BrowserTables> {
  const store = browserStore();
  const notes: string[] = [];
  const inForce = async (): Promise<KernelChoice> => {
    const device = await openDevice({ kernels: fastKernels(browserStore(), (line) => notes.push(line)) });
    device.close();
    return { table: device.kernels, from: device.kernelsFrom };
  };
  const before = await inForce();
  const device = await openDevice();
  const { table, wrong } = await tune(device, { cases: [unevenLayernorm()] });
  device.close();
  await keepTable(store, table);
  const after = await inForce();
  const key = keyText(table.adapter);
  await store.set(key, (await store.get(key))!.slice(0, -20));
  const spoilt = await inForce();
  return { chosen: table.kernels, wrong: wrong.map(({ form }) => form), before, after, spoilt, notes };
}
