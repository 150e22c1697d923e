// What one can do with a run in the state it is in: the buttons of the run bar and the keys that press them.
import type { RunState } from '../protocol.ts';
import type { Store } from './store.ts';

interface Possible {
  pause: boolean;
  go: boolean;
  step: boolean;
  stop: boolean;
}

const NOTHING: Possible = { pause: false, go: false, step: false, stop: false };

/** By state. A run that is done has no step left; one that failed goes on only by an offer, or anew. */
const possible: Record<RunState, Possible> = {
  waiting: { ...NOTHING, go: true, step: true },
  training: { ...NOTHING, pause: true, stop: true },
  paused: { ...NOTHING, go: true, step: true, stop: true },
  stopped: { ...NOTHING, go: true, step: true },
  done: NOTHING,
  failed: NOTHING,
};

export function actions(store: Store): Possible {
  const state = store.state.value?.state;
  return store.ready.value && state ? possible[state] : NOTHING;
}

/** What the first button says and does; undefined before there is a run. */
export function primaryAction(store: Store): { label: string; run(): void } | undefined {
  const { pause, go } = actions(store);
  if (pause) return { label: 'Pause', run: () => store.send({ type: 'pause' }) };
  if (go) {
    const begun = store.record.step > 0;
    return { label: begun ? 'Go on' : 'Start', run: () => store.send({ type: 'go' }) };
  }
  const over = store.ready.value && store.state.value;
  if (!over) return undefined;
  const { lesson } = store.ready.value?.lesson ?? {};
  return { label: 'Start over', run: () => (lesson ? store.send({ type: 'teach', lesson }) : store.restart()) };
}
