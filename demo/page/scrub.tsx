// The cursor of all charts as a control of its own, and what stands there in words.

import { lossText, shortNumber } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { nearestIndex } from './curve_frame.ts';
import { ForkButton } from './fork_button.tsx';
import { store } from './store.ts';

export function Scrub() {
  store.version.value;
  const { record } = store;
  const at = store.cursor.value ?? record.step;
  return (
    <div class="scrub">
      <label>
        <span class="unseen">step</span>
        <input
          type="range"
          min={0}
          max={record.totalSteps}
          value={at}
          disabled={record.step === 0}
          aria-valuetext={reading(at)}
          onInput={({ currentTarget: slider }) => {
            // What has not been done yet cannot be looked at.
            const step = Math.min(slider.valueAsNumber, record.step);
            slider.value = String(step);
            store.chosen.value = step === record.step ? null : step;
          }}
        />
      </label>
      <output class="mono" data-cursor={store.cursor.value ?? undefined}>
        {reading(at)}
      </output>
      <div class="row">
        {record.step > 0 && <ForkButton label="Fork at step" />}
        <button
          type="button"
          class="follow"
          hidden={store.chosen.value === null}
          onClick={() => (store.chosen.value = null)}
        >
          Back to the newest step
        </button>
      </div>
    </div>
  );
}

function reading(step: number): string {
  const { record } = store;
  if (record.steps.length === 0) return 'no step yet: the grey line was recorded before';
  const i = nearestIndex(record.steps, step);
  const evaluated = record.validation.findLast((each) => each.step <= record.steps[i]!);
  const validation = evaluated && `validation ${lossText(evaluated.loss)} at ${grouped(evaluated.step)}`;
  return [
    `step ${grouped(record.steps[i]!)}`,
    `loss ${lossText(record.loss[i])} (average ${lossText(record.average[i])})`,
    validation,
    `lr ${shortNumber(record.learningRate[i] ?? Number.NaN)}`,
    `norm ${shortNumber(record.gradNorm[i] ?? Number.NaN)}`,
    `${grouped(record.tokensPerSecond[i]!)} tok/s`,
    ...record.ticks.filter((tick) => tick.step === record.steps[i]).map(({ text }) => text),
  ]
    .filter(Boolean)
    .join(' · ');
}
