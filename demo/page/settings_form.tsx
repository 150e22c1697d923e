// The settings of the run: each with a mark where it is not the default, and the reason where a value cannot be.
import { byteText, clockText, counted, grouped } from '../../src/cli/format.ts';
import { ranges } from '../link.ts';
import type { PageSettings } from '../protocol.ts';
import { recorded } from '../recorded.ts';
import { draftChanged, draftProblem, draftSettings } from './draft.ts';
import { store } from './store.ts';

type Name = Exclude<keyof PageSettings, 'data'>;

const GROUPS: { title: string; fields: [name: Name, label: string][] }[] = [
  {
    title: 'Model',
    fields: [
      ['layers', 'layers'],
      ['heads', 'heads'],
      ['width', 'width'],
      ['context', 'context'],
    ],
  },
  {
    title: 'Training',
    fields: [
      ['batch', 'batch'],
      ['steps', 'steps'],
      ['learningRate', 'learning rate'],
      ['minLearningRate', 'last learning rate'],
      ['warmupSteps', 'warm-up steps'],
      ['schedule', 'schedule'],
      ['weightDecay', 'weight decay'],
      ['dropout', 'dropout'],
      ['seed', 'seed'],
    ],
  },
];

export function SettingsForm() {
  const ready = store.ready.value;
  const settings = draftSettings() ?? recorded.settings;
  const problem = draftProblem();
  const submit = (event: Event) => {
    event.preventDefault();
    if (!problem) store.restart();
  };
  return (
    <section aria-label="Settings">
      <form class="settings" onSubmit={submit} noValidate>
        {GROUPS.map(({ title, fields }) => (
          <fieldset key={title} disabled={!ready}>
            <legend>{title}</legend>
            {fields.map(([name, label]) => (
              <Field key={name} name={name} label={label} settings={settings} />
            ))}
          </fieldset>
        ))}
        <Cost />
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="buttons">
          <button type="submit" class="primary" disabled={!ready || problem !== null}>
            Restart
          </button>
          {draftChanged() && (
            <button type="button" onClick={() => (store.draft.value = {})}>
              Undo changes
            </button>
          )}
        </div>
      </form>
    </section>
  );
}

interface FieldProps {
  name: Name;
  label: string;
  settings: PageSettings;
}

function Field({ name, label, settings }: FieldProps) {
  const ready = store.ready.value;
  const initial = (ready?.defaults ?? recorded.settings)[name];
  const range = (ready?.ranges ?? ranges)[name];
  const value = settings[name];
  const changed = value !== initial;
  const set = (next: PageSettings[Name]) => {
    store.draft.value = { ...store.draft.value, [name]: next };
  };
  const id = `set-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {range.choices ? (
        <select
          id={id}
          value={String(value)}
          onChange={(event) => set(event.currentTarget.value as PageSettings['schedule'])}
        >
          {range.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          class="mono"
          inputMode={range.whole ? 'numeric' : 'decimal'}
          value={String(value)}
          title={range.expected}
          onChange={({ currentTarget: box }) => {
            const number = Number(box.value);
            if (box.value.trim() === '' || Number.isNaN(number)) box.value = String(value);
            else set(number);
          }}
        />
      )}
      <button
        type="button"
        class="reset"
        hidden={!changed}
        aria-label={`${label}: back to ${initial}`}
        title={`back to ${initial}`}
        onClick={() => set(initial)}
      >
        {'\u21ba'}
      </button>
    </div>
  );
}

/** What the run takes: said before, and what it really took beside it. */
function Cost() {
  const ready = store.ready.value;
  const measured = store.measured.value;
  const { parameters, memory } = ready ?? recorded;
  const { exact, total, ...classes } = memory;
  return (
    <>
      <p class="cost" data-parameters={parameters} data-memory={total}>
        {grouped(parameters)} parameters, {exact ? '' : 'about '}
        {byteText(total)}
        {ready && `, about ${clockText(ready.secondsForecast)} here`}
      </p>
      <dl class="classes">
        {Object.entries(classes).map(([name, bytes]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{byteText(bytes)}</dd>
          </div>
        ))}
      </dl>
      {measured && (
        <p class="soft" data-measured-bytes={measured.bytes}>
          Measured: {byteText(measured.bytes)}, {clockText(measured.seconds)} for {counted(measured.steps, 'step')}
        </p>
      )}
    </>
  );
}
