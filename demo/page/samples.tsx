// What the model writes, by the step at which it wrote it: one prompt and one seed, so that the texts can be compared. Until there are
// any of this run, and beside them, those of the recorded one.
import { grouped } from '../../src/cli/format.ts';
import { printable } from '../../src/cli/printable.ts';
import { recorded } from '../recorded.ts';
import type { Sample } from './run_record.ts';
import { store } from './store.ts';

export function Samples() {
  store.version.value;
  const { samples } = store.record;
  const chosen = chosenSample(samples);
  return (
    <section id="samples" aria-label="Samples" data-samples={samples.map(({ step }) => step).join(' ')}>
      <div class="head">
        <h2>
          What it writes <span class="soft">the same prompt each time</span>
        </h2>
        {samples.length > 1 && <Slider samples={samples} chosen={chosen!} />}
      </div>
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
  const data = store.ready.value?.settings.data ?? recorded.settings.data;
  return data === recorded.settings.data && store.record.step < store.record.totalSteps;
}

function Slider({ samples, chosen }: { samples: readonly Sample[]; chosen: Sample }) {
  return (
    <label class="switch">
      step{' '}
      <input
        type="range"
        min={0}
        max={samples.length - 1}
        value={samples.indexOf(chosen)}
        aria-valuetext={`step ${chosen.step}`}
        onInput={({ currentTarget: { valueAsNumber: i } }) => {
          store.chosen.value = i === samples.length - 1 ? null : samples[i]!.step;
        }}
      />{' '}
      <output class="mono">{grouped(chosen.step)}</output>
    </label>
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
