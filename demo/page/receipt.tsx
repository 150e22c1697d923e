// The receipt of the run, to be given to others; and how a run stands beside the receipt that its own link carries.
import { CopyButton } from './copy.tsx';
import { store } from './store.ts';

export function Receipt() {
  const told = store.receipt.value;
  const over = store.state.value?.state === 'done';
  const reason = told?.reason ?? (over ? 'It is being made.' : 'There is one when the run is done.');
  return (
    <div class="receipt" data-receipt={told?.link ?? undefined}>
      {told?.link ? (
        <CopyButton label="Copy receipt" text={() => new URL(told.link!, location.href.replace(/[?#].*$/, '')).href} />
      ) : (
        <button type="button" disabled title={reason}>
          Copy receipt
        </button>
      )}
      <span class="soft">
        {told?.link
          ? 'A link that repeats this run wherever it is opened, and says whether it is the same to the last bit.'
          : reason}
      </span>
    </div>
  );
}

/** What the verdict is, in a word before its sentence. */
const MARKS = { running: '…', same: '=', inside: '≈', parts: '≠', outside: '≠', different: '≠' } as const;

export function Replayed() {
  const told = store.replay.value;
  if (!told) return null;
  const { verdict, sentence } = told;
  return (
    <section class="notes replay" aria-label="Receipt" data-replay={verdict}>
      <p role="status">
        <b aria-hidden="true">{MARKS[verdict]}</b> <b>Receipt:</b> {sentence}
      </p>
    </section>
  );
}
