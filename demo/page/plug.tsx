// Pulling the plug: the GPU device is destroyed in the midst of a step, and the run goes on by itself.
import { store } from './store.ts';

/** Steps for which the bar says what became of a lost device; the log and the curve keep it. */
const SAID_FOR = 100;

export function Plug() {
  const reason = whyNot();
  return (
    <button
      type="button"
      class="plug"
      disabled={reason !== null}
      title={reason ?? 'Destroys the GPU device in the midst of a step. The run goes on by itself from its last save.'}
      onClick={() => store.send({ type: 'unplug' })}
    >
      Pull the plug
    </button>
  );
}

/** Why there is nothing to pull; null where there is. */
function whyNot(): string | null {
  const adapter = store.adapter.value;
  if (adapter && adapter.twin !== null) return 'The CPU twin runs: there is no GPU device to destroy.';
  const { state } = store.state.value ?? {};
  return store.ready.value && state === 'training' ? null : 'It can be pulled while the run trains.';
}

/** What the last loss cost; null where that was long ago. */
export function lostLately(): string | null {
  const lost = store.lost.value;
  return lost && store.record.step < lost.step + SAID_FOR ? lost.sentence : null;
}

export function LostLine() {
  store.version.value;
  const said = lostLately();
  return said && <span class="lost">{said}</span>;
}
