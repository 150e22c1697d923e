// A question about the run that is asked again as the run goes on, and what was answered last.
import { useEffect, useState } from 'preact/hooks';
import type { Answered, Asked, Kind } from '../../protocol/questions.ts';
import { DROPPED } from '../pending.ts';
import { store } from '../store.ts';

/** How often a look follows a run that trains: looking takes from its time. Milliseconds. */
const AGAIN = 1000;

export interface Shown<K extends Kind> {
  answer: Answered<K> | null;
  /** The step that the answer is of. */
  step: number;
  /** Why there is none. */
  error: string | null;
  /** A newer answer is on its way. */
  asking: boolean;
}

/**
 * Asks, and asks again when what is asked, the page's cursor or the run's step has changed.
 * @param asked null: nothing is asked
 * @param follows whether it is asked again at every newer step. Default true
 */
export function useAnswer<K extends Kind>(kind: K, asked: Asked<K> | null, follows = true): Shown<K> {
  const [shown, show] = useState<Shown<K>>({ answer: null, step: 0, error: null, asking: false });
  const chosen = store.chosen.value;
  store.version.value;
  // At the newest step it follows the run; at a chosen one it stays.
  const [round, next] = useState(0);
  const key = JSON.stringify([asked, chosen, store.ready.value?.link, round]);
  useEffect(() => {
    if (asked === null || !store.ready.peek()) return;
    const { answer, drop } = store.ask(kind, asked, chosen);
    let over = false;
    show((before) => ({ ...before, asking: true }));
    answer.then(
      (found) => !over && show({ ...found, error: null, asking: false }),
      (error: Error) =>
        !over && error.message !== DROPPED && show((before) => ({ ...before, error: error.message, asking: false })),
    );
    return () => {
      over = true;
      drop();
    };
  }, [key]);
  const newer = follows && chosen === null && !shown.asking && store.record.step > shown.step;
  useEffect(() => {
    if (!newer) return;
    const timer = setTimeout(() => next((n) => n + 1), AGAIN);
    return () => clearTimeout(timer);
  }, [newer]);
  return shown;
}
