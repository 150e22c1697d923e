// What the model writes, by the step at which it wrote it: one prompt and one seed, so that the texts can be compared. A few it writes by
// itself, at any other step it can be asked to. Until there are any of this run, and beside them, those of the recorded one.
import { grouped } from '../../src/data/counted.ts';
import { printable } from '../../src/data/printable.ts';
import { recorded } from '../recorded.ts';
import type { Sample } from './run_record.ts';
import { store } from './store.ts';
import { unwritten, write, writing, writtenBy } from './written.ts';

export function Samples() {
  store.version.value;
  const { samples } = store.record;
  // A lesson whose model writes nothing, or not yet.
  if (store.ready.value?.lesson && samples.length === 0) return null;
  const all = [...samples, ...writtenBy(store)].sort((a, b) => a.step - b.step);
  const chosen = chosenSample(all);
  return (
    <section id="samples" aria-label="Samples" data-samples={samples.map(({ step }) => step).join(' ')}>
      <div class="head">
        <h2>
          What it writes <span class="soft">the same prompt each time</span>
        </h2>
        {chosen && <Steps samples={all} shown={chosen.step} />}
      </div>
      {chosen && <Slider shown={chosen.step} />}
      <div class="pair">
        {chosen ? (
          <Text sample={chosen} prompt={store.ready.value?.prompt} />
        ) : (
          <Text sample={earlySample()} recorded prompt={recorded.prompt} />
        )}
        {comparable() && <Text sample={recorded.samples.at(-1)!} recorded prompt={recorded.prompt} />}
      </div>
    </section>
  );
}

/** The sample at the page's cursor, or the newest. */
function chosenSample(samples: readonly Sample[]): Sample | undefined {
  const at = store.cursor.value;
  return (at === null ? undefined : samples.findLast(({ step }) => step <= at)) ?? samples.at(at === null ? -1 : 0);
}

/** Recorded when its model had hardly learnt anything. */
const earlySample = () => recorded.samples.find(({ step }) => step > 0) ?? recorded.samples[0]!;

/** The recorded end is shown while this run is not there yet, and learns the same text. */
function comparable(): boolean {
  if (store.ready.value?.lesson) return false;
  const data = store.ready.value?.settings.data ?? recorded.settings.data;
  return data === recorded.settings.data && store.record.step < store.record.totalSteps;
}

/** The steps of which there are texts. */
function Steps({ samples, shown }: { samples: readonly Sample[]; shown: number }) {
  const at = store.cursor.value;
  return (
    <div class="steps">
      {samples.map(({ step }) => (
        <button
          key={step}
          type="button"
          aria-label={`text of step ${step}`}
          aria-pressed={at !== null && step === shown}
          onClick={() => (store.chosen.value = step)}
        >
          {grouped(step)}
        </button>
      ))}
      <button type="button" aria-pressed={at === null} onClick={() => (store.chosen.value = null)}>
        now
      </button>
    </div>
  );
}

/** Over all steps of the run, with the way to a text where there is none. */
function Slider({ shown }: { shown: number }) {
  const { step: newest } = store.record;
  const { chosen } = store;
  const at = store.cursor.value ?? newest;
  const { state } = store.state.value ?? {};
  return (
    <div class="any-step">
      <label class="switch">
        step{' '}
        <input
          type="range"
          min={0}
          max={newest}
          value={at}
          aria-valuetext={`step ${at}, the text is of step ${shown}`}
          onInput={({ currentTarget: { valueAsNumber: step } }) => {
            chosen.value = step === newest ? null : step;
          }}
        />{' '}
        <output class="mono">{grouped(at)}</output>
      </label>
      {shown !== at && (
        <button
          type="button"
          disabled={writing.value || state === 'failed'}
          onClick={() => write(store, chosen.value)}
          title="The model as it was there is worked out again; the run stays as it is."
        >
          {writing.value ? 'Writing' : chosen.value === null ? 'Write it now' : `Write it at step ${grouped(at)}`}
        </button>
      )}
      {unwritten.value !== null && (
        <p class="problem" role="alert">
          {printable(unwritten.value, true)}
        </p>
      )}
    </div>
  );
}

interface TextProps {
  sample: Sample;
  recorded?: boolean;
  prompt?: string | undefined;
}

function Text({ sample: { step, text }, recorded: old = false, prompt = '' }: TextProps) {
  const begins = prompt !== '' && text.startsWith(prompt);
  return (
    <figure class={`sample ${old ? 'recorded' : ''}`} {...(old ? { 'data-recorded': step } : { 'data-sample': step })}>
      <figcaption>
        step {grouped(step)}
        {old && <b> recorded</b>}
      </figcaption>
      <pre>
        {begins ? <span class="soft">{printable(prompt)}</span> : ''}
        {printable(begins ? text.slice(prompt.length) : text).trimEnd()}
      </pre>
    </figure>
  );
}
