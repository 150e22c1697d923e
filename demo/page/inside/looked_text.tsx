// The text that is looked at: the run's example, or what a visitor types. All that looks at tokens looks at the same.
import { signal, useSignal } from '@preact/signals';

/** '' for the run's example. */
export const lookedText = signal('');

export function LookedText() {
  const typed = useSignal(lookedText.value);
  const look = (event: Event) => {
    event.preventDefault();
    lookedText.value = typed.value;
  };
  const example = () => {
    typed.value = '';
    lookedText.value = '';
  };
  return (
    <form class="looked" onSubmit={look}>
      <input
        class="mono grow"
        aria-label="Text to look at"
        placeholder="the run's example, which it does not learn from"
        dir="auto"
        maxLength={2000}
        autocomplete="off"
        spellcheck={false}
        value={typed.value}
        onInput={(event) => (typed.value = event.currentTarget.value)}
      />
      <button type="submit">Look at it</button>
      <button type="button" disabled={lookedText.value === '' && typed.value === ''} onClick={example}>
        Example
      </button>
    </form>
  );
}
