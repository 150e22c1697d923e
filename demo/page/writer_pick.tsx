// Which model writes: that of the run, or another one of the shelf.
import { signal } from '@preact/signals';
import { printable } from '../../src/data/printable.ts';
import type { ShelfId, ShelfModel } from '../protocol/lessons.ts';
import { store } from './store.ts';

const chosen = signal<ShelfId | null>(null);

/** Those of the shelf that are not the run's own. */
function others(): ShelfModel[] {
  const own: ShelfId = store.ready.value?.lesson ? 'taught' : 'trained';
  return store.shelf.value.filter(({ id }) => id !== own);
}

/** The model of the shelf that writes; null where the run's own does. */
export function writerOf(): ShelfModel | null {
  return others().find(({ id }) => id === chosen.value) ?? null;
}

export function letWrite(id: ShelfId): void {
  chosen.value = id;
}

/** @param own what the run's own is called */
export function WriterPick({ own }: { own: string }) {
  const models = others();
  if (models.length === 0) return null;
  return (
    <label class="small">
      who writes{' '}
      <select
        class="who"
        value={writerOf()?.id ?? ''}
        onChange={({ currentTarget: { value } }) => (chosen.value = value === '' ? null : (value as ShelfId))}
      >
        <option value="">{own}</option>
        {models.map(({ id, name }) => (
          <option key={id} value={id}>
            {printable(name, true)}
          </option>
        ))}
      </select>
    </label>
  );
}
