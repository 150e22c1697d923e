// Keys that work anywhere on the page but where one types.
import { actions, primaryAction } from './actions.ts';
import type { Store } from './store.ts';
import { panel } from './view.ts';

export const shortcuts: readonly [key: string, what: string][] = [
  ['space', 'pause, or go on'],
  ['s', 'one step'],
  ['←  →', 'on the step slider: look at the step before or after'],
  ['?', 'this list'],
  ['Escape', 'close a dialog'],
];

/** A key does something only where it has no meaning of its own. */
export function listenToKeys(store: Store): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select, [contenteditable], dialog')) return;
    if (event.key === ' ' && target.closest('button, summary, a')) return;
    const { pause, go, step } = actions(store);
    if (event.key === '?') panel('keys').value = true;
    else if (event.key === 's' && step) store.send({ type: 'step' });
    // What else the first button does, begins another run: no key does that unasked.
    else if (event.key === ' ' && (pause || go)) primaryAction(store)?.run();
    else return;
    event.preventDefault();
  });
}
