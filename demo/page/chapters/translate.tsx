// The translator: a small trained encoder-decoder beside the run, which shows how it looks at what it translates.
import { useSignal } from '@preact/signals';
import { printable } from '../../../src/data/printable.ts';
import { store } from '../store.ts';
import { AlignmentMap } from './alignment_map.tsx';

export function Translate() {
  return (
    <section id="translate" aria-label="Translate">
      <h2>Translate</h2>
      <Inside />
    </section>
  );
}

function Inside() {
  const message = useSignal("Type '{0}' is not assignable to type '{1}'.");
  const answer = store.replies.translation.value;
  const writing = answer !== null && !answer.done;
  const submit = (event: Event) => {
    event.preventDefault();
    if (writing) store.send({ type: 'cancel', id: answer.id });
    else store.replies.translate(message.value);
  };
  return (
    <>
      <p>
        An encoder-decoder is two stacks of layers: the encoder reads a whole text, the decoder writes another from it.
        In the encoder every token may look at every other, before and after it. The decoder writes one token at a time,
        and may look only at those that it has written. Each of its layers also looks across at what the encoder has
        made of the source: that is cross-attention. The table below shows where each token of the French looked in the
        English.
      </p>
      <p class="soft about">
        This model is small: 356,352 parameters, 0.7 MB, fetched when you ask. It knows compiler messages and no other
        text: it was trained on 793 short ones of TypeScript’s own, knows those almost by heart, and is often wrong
        elsewhere. The run’s weights stay as they are.
      </p>
      <form onSubmit={submit}>
        <input
          class="mono grow"
          aria-label="English message"
          maxLength={300}
          autocomplete="off"
          spellcheck={false}
          lang="en"
          value={message.value}
          onInput={(event) => (message.value = event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={!store.ready.value}>
          {writing ? 'Cancel' : 'Translate'}
        </button>
      </form>
      {answer && (
        <pre class="answer" data-translated={answer.done ? 'done' : 'writing'}>
          <span class="soft">{printable(answer.prompt, true)}</span>
          {'\n'}
          <span data-text lang="fr">
            {printable(answer.text, true)}
          </span>
          {writing && answer.text === '' && <span class="soft">…</span>}
          {answer.error && <span class="problem">{printable(answer.error, true)}</span>}
        </pre>
      )}
      {answer?.alignment && <AlignmentMap key={answer.id} {...answer.alignment} />}
    </>
  );
}
