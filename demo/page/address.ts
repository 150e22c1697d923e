// The page's address: the query names the run, the hash how one looks at it. Another panel or axis is a new entry in the history, so that
// Back leads to the view before; a moved cursor or a new run is none.
import { effect } from '@preact/signals';
import type { Store } from './store.ts';
import { presentView, readView, setView, viewNotes, writeView } from './view.ts';

/** Browsers refuse an address that changes too often. */
const REST_MS = 500;

/** Keeps the address as the run, the view and the cursor stand. */
export function keepAddress(store: Store): void {
  /** The view that the address has, without its step. */
  let written = '';
  /** Shows what the hash says. @returns the step in it */
  const take = () => {
    const { view, notes } = readView(location.hash);
    written = writeView({ ...view, step: null });
    viewNotes.value = notes;
    setView(view);
    return view.step;
  };
  const wanted = take();
  let looked = false;
  effect(() => {
    const ready = store.ready.value;
    if (!ready) return;
    // Whoever chose this run on the page finds it again at this address.
    if (store.newLink) history.replaceState(null, '', store.newLink + viewText(null));
    else if (wanted !== null && !looked) store.chosen.value = wanted;
    looked = true;
  });
  effect(() => {
    const now = viewText(null);
    if (now === written) return;
    written = now;
    history.pushState(null, '', here(store) + viewText(store.chosen.peek()));
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const step = store.chosen.value;
    clearTimeout(timer);
    if (!looked) return;
    timer = setTimeout(() => history.replaceState(null, '', here(store) + viewText(step)), REST_MS);
  });
  addEventListener('popstate', () => {
    const step = take();
    store.chosen.value = step;
    // An entry from before a restart has another run's query: this page shows the run that there is.
    const now = here(store) + viewText(step);
    if (location.pathname + location.search + location.hash !== now) history.replaceState(null, '', now);
  });
}

/** The hash of the view as it stands. */
export function viewText(step: number | null): string {
  return writeView(presentView(step));
}

const here = (store: Store) => location.pathname + (store.newLink ?? location.search);
