// What a lesson leaves, as files: the model for other tools, the adapter alone, and the run that the command line goes on with.
import { byteText } from '../../../src/cli/format.ts';
import { store } from '../store.ts';
import { chapter } from '../view.ts';
import { runningLesson } from './lesson_draft.ts';

export function Exports() {
  const state = store.state.value;
  const running = runningLesson();
  if (!running) return null;
  const { settings, trainedParameters, parameters } = running.prepared;
  const there = state !== null && (state.savedAt !== null || state.state !== 'failed') && store.record.step > 0;
  const adapter = settings.loraR > 0;
  const chat = () => {
    chapter.value = 'chat';
    requestAnimationFrame(() => document.getElementById('tab-chat')?.focus());
  };
  return (
    <fieldset class="buttons exports" aria-label="Try it, and take it with you">
      {running.lesson.chapter !== 'classify' && (
        <button type="button" onClick={chat}>
          Ask it, before and after
        </button>
      )}
      <button type="button" disabled={!there} onClick={() => store.send({ type: 'export', what: 'model' })}>
        Model folder, {byteText(4 * parameters)}
      </button>
      {adapter && (
        <button type="button" disabled={!there} onClick={() => store.send({ type: 'export', what: 'adapter' })}>
          Adapter alone, {byteText(4 * trainedParameters)}
        </button>
      )}
      <button type="button" disabled={!there} onClick={() => store.send({ type: 'export', what: 'run' })}>
        The run
      </button>
      {!there && <span class="soft">From the first step on it can be saved.</span>}
    </fieldset>
  );
}
