// Opens the inspector from elsewhere on the page, and goes there.
import { closeSheets, type Inside, inside } from './view.ts';

export function showInside(open: Inside): void {
  closeSheets();
  inside.value = open;
  requestAnimationFrame(() => {
    const tab = document.getElementById(`tab-${open}`);
    document.getElementById('inside')?.scrollIntoView({ block: 'start' });
    tab?.focus({ preventScroll: true });
  });
}
