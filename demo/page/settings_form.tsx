// The settings of the run, what a run with them takes, and the way to begin it.

import { byteText, clockText } from '../../src/cli/format.ts';
import { counted, grouped } from '../../src/data/counted.ts';
import { recorded } from '../recorded.ts';
import { draftChanged, draftProblem, draftSettings } from './draft.ts';
import { Field } from './setting_field.tsx';
import type { SettingName } from './setting_limits.ts';
import { store } from './store.ts';
import { closeSheets } from './view.ts';

const GROUPS: { title: string; fields: [name: SettingName, label: string][] }[] = [
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
    if (problem) return;
    closeSheets();
    store.restart();
  };
  return (
    <section aria-label="Settings">
      <form class="settings" onSubmit={submit} noValidate>
        {GROUPS.map(({ title, fields }) => (
          <fieldset key={title} disabled={!ready}>
            <legend>{title}</legend>
            {fields.map(([name, label]) => (
              <Field key={name} name={name} label={label} settings={settings} wrong={problem?.name === name} />
            ))}
          </fieldset>
        ))}
        <Cost />
        {problem && (
          <p class="problem" role="alert" id="settings-problem">
            {problem.sentence}
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
