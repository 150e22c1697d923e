// What stopping means: three answers, and Escape is the one that changes nothing.
import { grouped } from '../../src/data/counted.ts';
import { Dialog } from './dialog.tsx';
import { stopOpen } from './stop_open.ts';
import { store } from './store.ts';

export function StopDialog() {
  const answer = (keep: boolean | null) => () => {
    stopOpen.value = false;
    if (keep !== null) store.send({ type: 'stop', keep });
  };
  const buttons = (
    <>
      <button type="button" class="primary" autofocus onClick={answer(null)}>
        Go on
      </button>
      <button type="button" onClick={answer(true)}>
        Stop and keep
      </button>
      <button type="button" class="danger" onClick={answer(false)}>
        Throw away
      </button>
    </>
  );
  return (
    <Dialog open={stopOpen} title={`Stop at step ${grouped(store.record.step)}?`} buttons={buttons}>
      <p>Kept, the run is saved on this machine, and goes on where it stopped. Thrown away, nothing of it is left.</p>
    </Dialog>
  );
}
