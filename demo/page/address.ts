// The page's address: the query names the run, the hash what one looks at in it. Both change without a new entry in the history.
import { effect } from '@preact/signals';
import type { Store } from './store.ts';

/** Browsers refuse an address that changes too often. */
const REST_MS = 500;

/** Keeps the address as the run and the cursor stand. */
export function keepAddress(store: Store): void {
  const wanted = stepOf(location.hash);
  let looked = false;
  effect(() => {
    const ready = store.ready.value;
    if (!ready) return;
    // Whoever chose this run on the page finds it again at this address.
    if (store.newLink) history.replaceState(null, '', store.newLink);
    else if (wanted !== null && !looked) store.chosen.value = wanted;
    looked = true;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const step = store.chosen.value;
    clearTimeout(timer);
    if (!looked) return;
    timer = setTimeout(() => {
      history.replaceState(null, '', location.pathname + location.search + (step === null ? '' : `#step=${step}`));
    }, REST_MS);
  });
}

/** `#step=30` -> 30; null for any other. */
export function stepOf(hash: string): number | null {
  const step = /^#step=(\d{1,9})$/.exec(hash)?.[1];
  return step === undefined ? null : Number(step);
}
