// What a visitor should know of this run: what its link said that was left out, and that there is no GPU.
import { useSignal } from '@preact/signals';
import { store } from './store.ts';

export function Notes() {
  const hidden = useSignal(false);
  const twin = store.adapter.value?.twin;
  const notes = [...(twin ? [twin] : []), ...(store.ready.value?.notes ?? [])];
  if (notes.length === 0 || hidden.value) return null;
  return (
    <section class="notes" aria-label="Notes">
      <ul>
        {notes.map((note) => (
          <li key={note} data-note>
            {note}
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => (hidden.value = true)}>
        Close
      </button>
    </section>
  );
}
