// Going on from a step as a run of its own, with what has been changed in the form.
import { grouped } from '../../src/data/counted.ts';
import { draftProblem, draftSettings } from './draft.ts';
import { store } from './store.ts';

/** What a fork has as the run that it parts from. */
const SAME = ['layers', 'heads', 'width', 'context', 'batch', 'data'] as const;

/** The step at which a fork would part: the one that is looked at, or the newest. */
const stepOfFork = () => Math.min(store.chosen.value ?? store.record.step, store.record.step);

/** Why the form's settings cannot go on from there; null where they can. */
function whyNoFork(): string | null {
  const { settings, lesson } = store.ready.value ?? {};
  const draft = draftSettings();
  const { state } = store.state.value ?? {};
  if (!settings || !draft || stepOfFork() < 1) return 'No step has been made yet.';
  if (lesson) return 'A lesson has one way: go back to the run of the first chapter.';
  if (state === 'failed' || state === 'stopped') return `The run has ${state}.`;
  const problem = draftProblem();
  if (problem) return problem.sentence;
  const other = SAME.find((name) => draft[name] !== settings[name]);
  if (other) return `Another ${other} is another model or other batches: restart with it.`;
  return draft.steps > stepOfFork() ? null : 'All steps of the form are done there: give more steps.';
}

export function ForkButton({ label, primary = false }: { label: string; primary?: boolean }) {
  store.version.value;
  const why = whyNoFork();
  const step = stepOfFork();
  return (
    <button
      type="button"
      class={primary ? 'primary' : 'fork'}
      disabled={why !== null}
      title={
        why ??
        'Goes on from this step as a run of its own, with what has been changed in the form. This one stays saved.'
      }
      onClick={() => store.fork(step)}
    >
      {label} {grouped(step)}
    </button>
  );
}
