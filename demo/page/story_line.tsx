// The sentence at the curve: what its loss means now, and at the end what one can do next.
import { grouped } from '../../src/data/counted.ts';
import { recorded } from '../recorded.ts';
import { ghostOf } from './loss_parts.ts';
import { metText } from './met.ts';
import { store } from './store.ts';
import { storyOf } from './story.ts';
import { openSheet } from './view.ts';

export function StoryLine() {
  const told = story();
  const before = store.record.step === 0 && ghostOf(store).length > 0;
  return (
    <div class="story" data-story={told?.chapter}>
      <p>{told?.sentence ?? (before && 'The grey line was recorded before; this run draws over it.')}</p>
      {told?.chapter === 'done' && (
        <div class="buttons">
          <button type="button" onClick={() => store.longer()}>
            Go on to {grouped(2 * store.record.totalSteps)}
          </button>
          <button type="button" onClick={changeOne}>
            Change one thing
          </button>
        </div>
      )}
    </div>
  );
}

/** Said by the live region too. */
export function story() {
  store.version.value;
  // What a lesson's loss means, its lines in the chart say.
  if (store.ready.value?.lesson) return null;
  const told = storyOf(store.record, store.text.value, store.state.value);
  const met = told && metRecorded();
  return met ? { ...told, sentence: `${told.sentence} ${met}` } : told;
}

function metRecorded(): string {
  const [ready, adapter] = [store.ready.value, store.adapter.value];
  const { steps, loss } = store.record;
  return ready && adapter ? metText({ settings: ready.settings, adapter: adapter.name, steps, loss }, recorded) : '';
}

/** Brings the settings into view, with the cursor in the first. */
function changeOne(): void {
  openSheet('settings');
  requestAnimationFrame(() => {
    const field = document.querySelector<HTMLInputElement>('form.settings input');
    field?.focus();
    field?.select();
    field?.scrollIntoView({ block: 'center' });
  });
}
