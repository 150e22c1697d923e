// What a lesson begins from: a model, data, a few settings; and the button that begins it.
import { printable } from '../../../src/data/printable.ts';
import type { Teaching } from '../../protocol/lessons.ts';
import { store } from '../store.ts';
import { closeSheets } from '../view.ts';
import { DataPick } from './data_pick.tsx';
import { preparedOf, runningLesson, runsHere, teach, whyNotTeach } from './lesson_draft.ts';
import { LessonForm } from './lesson_form.tsx';
import { ModelPick } from './model_pick.tsx';

export function LessonPanel({ chapter }: { chapter: Teaching }) {
  return (
    <>
      <Begin chapter={chapter} />
      <ModelPick chapter={chapter} />
      <DataPick chapter={chapter} />
      <LessonForm chapter={chapter} />
    </>
  );
}

function Begin({ chapter }: { chapter: Teaching }) {
  const why = whyNotTeach(chapter);
  const failed = preparedOf(chapter)?.error != null;
  const again = runsHere(chapter);
  const begin = () => {
    closeSheets();
    teach(chapter);
  };
  return (
    <section aria-label="Begin" data-able={why === null}>
      <div class="buttons">
        <button type="button" class="primary" disabled={why !== null} aria-describedby="lesson-problem" onClick={begin}>
          {again ? 'Train again' : 'Train'}
        </button>
        {runningLesson() && (
          <button
            type="button"
            onClick={() => {
              closeSheets();
              store.send({ type: 'back' });
            }}
          >
            Back to pretraining
          </button>
        )}
      </div>
      <p id="lesson-problem" class={failed ? 'problem wrap' : 'soft'} role={failed ? 'alert' : undefined}>
        {why === null ? 'It takes the place of the present run, which stays saved.' : printable(why, true)}
      </p>
    </section>
  );
}
