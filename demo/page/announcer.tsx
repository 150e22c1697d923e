// One polite sentence for a screen reader, at most every ten seconds: what the loss means where that has changed, else how far the run is.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { lostLately } from './plug.tsx';
import { doing } from './run_bar.tsx';
import { store } from './store.ts';
import { story } from './story_line.tsx';

const EVERY_MS = 10_000;

export function Announcer() {
  const sentence = useSignal('');
  useEffect(() => {
    let chapter: string | undefined;
    let said: string | null = null;
    const timer = setInterval(() => {
      if (document.hidden) return;
      const lost = lostLately();
      if (lost !== null && lost !== said) {
        sentence.value = `The GPU ${(said = lost)}.`;
        return;
      }
      const told = story();
      sentence.value = told && told.chapter !== chapter ? told.sentence : progress();
      chapter = told?.chapter;
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [sentence]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {sentence.value}
    </p>
  );
}

function progress(): string {
  const { record } = store;
  if (record.step === 0) return `Not training yet: ${doing()}.`;
  const validation = record.lastValidation === undefined ? '' : `, validation loss ${lossText(record.lastValidation)}`;
  return `Step ${grouped(record.step)} of ${grouped(record.totalSteps)}, loss ${lossText(record.lastLoss)}${validation}; ${doing()}.`;
}
