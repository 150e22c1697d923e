// One polite sentence for a screen reader, at most every ten seconds.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { grouped, lossText } from '../../src/cli/format.ts';
import { doing } from './run_bar.tsx';
import { store } from './store.ts';

const EVERY_MS = 10_000;

export function Announcer() {
  const sentence = useSignal('');
  useEffect(() => {
    const timer = setInterval(() => {
      sentence.value = tell();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [sentence]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {sentence.value}
    </p>
  );
}

function tell(): string {
  const { record } = store;
  if (record.step === 0) return `Not training yet: ${doing()}.`;
  const validation = record.lastValidation === undefined ? '' : `, validation loss ${lossText(record.lastValidation)}`;
  return `Step ${grouped(record.step)} of ${grouped(record.totalSteps)}, loss ${lossText(record.lastLoss)}${validation}; ${doing()}.`;
}
