// What the model wrote at steps at which it was asked to: beside the samples that the run gave by itself.
import { signal } from '@preact/signals';
import { DROPPED } from './pending.ts';
import type { Sample } from './run_record.ts';
import type { Store } from './store.ts';
import { inside } from './view.ts';

export const written = signal<readonly Sample[]>([]);
/** A text is on its way. */
export const writing = signal(false);
/** Why there is none. */
export const unwritten = signal<string | null>(null);

/** Those of a run that a newer one has taken the place of are of no use. */
let of: unknown;

/** Asks for the run's sample. @param step null for the newest */
export async function write(store: Store, step: number | null): Promise<void> {
  const ready = store.ready.peek();
  if (of !== ready) [of, written.value] = [ready, []];
  [writing.value, unwritten.value] = [true, null];
  try {
    const found = await store.ask('sample', {}, step).answer;
    const sample = { step: found.step, text: found.answer.text };
    if (store.ready.peek() === ready)
      written.value = [...written.value.filter((each) => each.step !== sample.step), sample];
  } catch (error) {
    const { message } = error as Error;
    unwritten.value = message === DROPPED ? null : message;
  } finally {
    writing.value = false;
    // What was made for it is given back, unless somebody still looks inside.
    if (inside.peek() === null) store.send({ type: 'rest' });
  }
}

/** Those of the present run. */
export function writtenBy(store: Store): readonly Sample[] {
  return store.ready.value === of ? written.value : [];
}
