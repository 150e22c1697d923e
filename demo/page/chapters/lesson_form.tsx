// The few settings of a lesson: each with its default, and the mark that takes a change back.
import type { Teaching } from '../../protocol/lessons.ts';
import { changeDraft, defaultsOf, draftOf, type LessonSetting, preparedOf, typedProblem } from './lesson_draft.ts';

const FIELDS: [name: LessonSetting, label: string, about: string, only?: Teaching][] = [
  ['steps', 'steps', 'how often the weights are moved'],
  ['batch', 'batch', 'rows of a step'],
  ['learningRate', 'learning rate', 'how far a step moves them'],
  ['context', 'context', 'tokens of the longest row'],
  ['loraR', 'rank', 'of the adapter: how many directions it can change', 'lora'],
  ['dpoBeta', 'beta', 'how dearly the model pays for leaving where it began', 'dpo'],
  ['seed', 'seed', 'of the order of rows and of new weights'],
];

export function LessonForm({ chapter }: { chapter: Teaching }) {
  return (
    <section aria-label="Settings of the lesson">
      <form class="settings" onSubmit={(event) => event.preventDefault()} noValidate>
        <fieldset>
          <legend>Training</legend>
          {FIELDS.filter(([, , , only]) => only === undefined || only === chapter).map(([name, label, about]) => (
            <Setting key={name} {...{ chapter, name, label, about }} />
          ))}
        </fieldset>
      </form>
    </section>
  );
}

interface Props {
  chapter: Teaching;
  name: LessonSetting;
  label: string;
  about: string;
}

function Setting({ chapter, name, label, about }: Props) {
  const { typed } = draftOf(chapter);
  const initial = defaultsOf(chapter)[name];
  const own = typed[name];
  const shown = own ?? (initial === undefined ? '' : String(initial));
  const id = `lesson-${name}`;
  const wrong = wrongSetting(chapter) === name;
  const set = (text: string | undefined) => {
    const { [name]: _before, ...others } = typed;
    const plain = text === undefined || (own === undefined && text === shown);
    changeDraft(chapter, { typed: plain ? others : { ...others, [name]: text } });
  };
  return (
    <div class={`field ${wrong ? 'wrong' : ''}`}>
      <span class="name">
        <label for={id}>{label}</label>
        <span id={`${id}-about`} class="soft">
          {initial === undefined ? about : `default ${initial}`}
        </span>
      </span>
      <input
        id={id}
        class="mono"
        inputMode="decimal"
        autocomplete="off"
        value={shown}
        aria-invalid={wrong}
        aria-describedby={`${id}-about ${id}-limit${wrong ? ' lesson-problem' : ''}`}
        onChange={({ currentTarget: box }) => set(box.value)}
      />
      <button
        type="button"
        class="reset"
        hidden={own === undefined || own === String(initial)}
        aria-label={initial === undefined ? `${label}: back to the default` : `${label}: back to ${initial}`}
        onClick={() => set(undefined)}
      >
        {'\u21ba'}
      </button>
      <span id={`${id}-limit`} class="limit soft">
        {about}
      </span>
    </div>
  );
}

/** The setting that a sentence is about. */
function wrongSetting(chapter: Teaching): string | undefined {
  return typedProblem(chapter)?.name ?? /^(\w+): /.exec(preparedOf(chapter)?.error ?? '')?.[1];
}
