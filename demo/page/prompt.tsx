// The prompt box: the model goes on with what is typed, between two steps of its training.
import { useSignal } from '@preact/signals';
import { printable } from '../../src/data/printable.ts';
import { recorded } from '../recorded.ts';
import { store } from './store.ts';
import { WriterPick, writerOf } from './writer_pick.tsx';

const TOKENS = 200;

export function Prompt() {
  const typed = useSignal<string | null>(null);
  const other = writerOf();
  const prompt = typed.value ?? (other ? 'Once upon a time' : suggestion());
  const temperature = useSignal(0.8);
  const topK = useSignal(0);
  const answer = store.replies.answer.value;
  const writing = answer !== null && !answer.done;
  // A classifier writes nothing.
  if (store.ready.value?.lesson?.lesson.chapter === 'classify' && !other) return null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (writing) store.send({ type: 'cancel', id: answer.id });
    else {
      const options = { temperature: temperature.value, topK: topK.value, maxNewTokens: TOKENS };
      store.replies.generate(prompt, { ...options, ...(other && { side: other.id }) });
    }
  };
  return (
    <section id="prompt" aria-label="Prompt">
      <h2>
        Ask it to go on <span class="soft">at any time, also while it trains</span>
      </h2>
      <form onSubmit={submit}>
        <input
          class="mono grow"
          aria-label="Prompt"
          dir="auto"
          maxLength={1000}
          autocomplete="off"
          spellcheck={false}
          value={prompt}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={!store.ready.value}>
          {writing ? 'Cancel' : 'Generate'}
        </button>
        <WriterPick own="the model of this run" />
        <NumberBox label="temperature" value={temperature} max={5} step={0.1} />
        <NumberBox label="top-k" value={topK} max={100000} step={1} note="0 for all" />
      </form>
      {answer && (
        <pre class="answer" data-generated={answer.done ? 'done' : 'writing'}>
          <span class="soft">{printable(answer.prompt)}</span>
          <span data-text>{printable(answer.text)}</span>
          {answer.error && <span class="problem">{`\n${printable(answer.error, true)}`}</span>}
        </pre>
      )}
    </section>
  );
}

/** Of the book its beginning; of another text what the samples begin with, whose letters the model knows. */
function suggestion(): string {
  const ready = store.ready.value;
  return ready && ready.settings.data !== recorded.settings.data ? ready.prompt : 'Call me ';
}

interface BoxProps {
  label: string;
  value: { value: number };
  max: number;
  step: number;
  note?: string;
}

function NumberBox({ label, value, max, step, note }: BoxProps) {
  return (
    <label class="small" title={note}>
      {label}{' '}
      <input
        type="number"
        class="mono"
        min={0}
        max={max}
        step={step}
        value={value.value}
        onChange={({ currentTarget: box }) => {
          const number = box.valueAsNumber;
          if (number >= 0 && number <= max) value.value = step === 1 ? Math.round(number) : number;
          box.value = String(value.value);
        }}
      />
    </label>
  );
}
