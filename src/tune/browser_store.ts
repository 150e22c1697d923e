// Measured tables in a browser, in pages and workers alike: IndexedDB, whose transactions are whole or not at all.
import { RunError } from '../errors.ts';
import type { TableStore } from './store.ts';

const DATABASE = 'shaderformer-kernels';
const PLACE = "the browser's storage";
const TEXTS = 'kernels';

/**
 * The store of this page's origin. It is opened anew at each call, which takes a millisecond, so that no other tab ever waits for
 * this one. Calls reject with a RunError where the browser keeps nothing (private windows, a full disk, no IndexedDB).
 * @param factory for the tests
 */
export function browserStore(factory: IDBFactory | undefined = globalThis.indexedDB): TableStore {
  return {
    placeOf: () => PLACE,
    async get(key) {
      const found = await inStore(factory, 'readonly', (texts) => texts.get(key));
      return typeof found === 'string' ? found : null;
    },
    async set(key, text) {
      await inStore(factory, 'readwrite', (texts) => texts.put(text, key));
    },
  };
}

/** Runs one request; done once its transaction is, which for a write means that it is kept. */
async function inStore<T>(
  factory: IDBFactory | undefined,
  mode: IDBTransactionMode,
  ask: (texts: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  if (!factory) throw kept('there is no IndexedDB here');
  const opening = factory.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TEXTS);
  const database = await settled(opening);
  try {
    const transaction = database.transaction(TEXTS, mode);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(kept(transaction.error));
    });
    const request = ask(transaction.objectStore(TEXTS));
    await done;
    return request.result;
  } catch (error) {
    throw error instanceof RunError ? error : kept(error);
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(kept(request.error));
  });
}

function kept(error: unknown): RunError {
  const reason = error instanceof Error ? error.message : String(error);
  return new RunError(`${PLACE}: it cannot be used (${reason}). Measured kernels last until the page is left.`);
}
