// A text of the visitor's own, and which class the model that is taught puts it into.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { printable } from '../../../src/data/printable.ts';
import type { ClassGuess } from '../../protocol/lessons.ts';
import { DROPPED, type Pending } from '../pending.ts';
import { store } from '../store.ts';

/** Classes that are shown; a model may know many. */
const SHOWN = 10;

export function TryText() {
  const text = useSignal('a small bird of the sea');
  const guesses = useSignal<{ of: string; step: number; classes: readonly ClassGuess[] } | null>(null);
  const problem = useSignal('');
  const asked = useRef<Pending<'classified'> | null>(null);
  useEffect(() => () => asked.current?.drop(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    asked.current?.drop();
    const of = text.value;
    const pending = store.ask('classified', { text: of });
    asked.current = pending;
    try {
      const { step, answer } = await pending.answer;
      problem.value = '';
      guesses.value = { of, step, classes: answer.classes };
    } catch (error) {
      if ((error as Error).message !== DROPPED) problem.value = (error as Error).message;
    }
  };
  const { of = '', step, classes = [] } = guesses.value ?? {};
  return (
    <section class="try" aria-label="Try a text">
      <h3>Try a text: at any time, also while it trains</h3>
      <form onSubmit={submit}>
        <input
          class="mono grow"
          aria-label="Text to classify"
          maxLength={1000}
          autocomplete="off"
          spellcheck={false}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          Classify
        </button>
      </form>
      {problem.value && <p class="problem wrap">{printable(problem.value, true)}</p>}
      {classes.length > 0 && (
        <>
          <ul class="bars" data-guess={classes[0]!.name} aria-label={`Classes by their probability, at step ${step}`}>
            {classes.slice(0, SHOWN).map(({ name, probability }) => (
              <li key={name} data-probability={probability}>
                <span class="wrap">{printable(name, true)}</span>
                <i style={{ width: `${100 * probability}%` }} />
                <span class="mono">{(100 * probability).toFixed(1)} %</span>
              </li>
            ))}
          </ul>
          <p class="soft wrap">
            Asked at step {step}: {printable(of, true)}
          </p>
        </>
      )}
    </section>
  );
}
