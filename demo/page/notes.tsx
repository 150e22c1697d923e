// What a visitor should know of this run: what its link said that was left out, and that there is no GPU.
import { useSignal } from '@preact/signals';
import { store } from './store.ts';
import { viewNotes } from './view.ts';

export function Notes() {
  const closed = useSignal('');
  const twin = store.adapter.value?.twin;
  const notes = [...(twin ? [twin] : []), ...(store.ready.value?.notes ?? []), ...viewNotes.value];
  // Closed, these do not come again; others do.
  if (notes.length === 0 || closed.value === notes.join('\n')) return null;
  return (
    <section class="notes" aria-label="Notes">
      <ul>
        {notes.map((note) => (
          <li key={note} data-note>
            {note}
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => (closed.value = notes.join('\n'))}>
        Close
      </button>
    </section>
  );
}
