// "Does my GPU train correctly?": every kernel and a whole training run against reference values, on this adapter.

import { shortNumber } from '../../src/cli/format.ts';
import { counted, grouped } from '../../src/data/counted.ts';
import { printable } from '../../src/data/printable.ts';
import type { CheckedCase } from '../protocol.ts';
import { CopyButton } from './copy.tsx';
import { store } from './store.ts';

export function SelfCheck() {
  const check = store.check.last.value;
  const verdict = store.check.verdict.value;
  const running = check !== null && verdict === null;
  return (
    <section id="check" aria-label="Self-check">
      <h2>Does this adapter train correctly?</h2>
      <p class="soft about">
        Every kernel, forward and backward, and a whole training run are held to values computed in float64. The run
        holds meanwhile.
      </p>
      {check && (
        <>
          <progress max={check.total} value={check.done} aria-label="Cases checked" />
          <p class="soft about mono wrap" data-checked={check.done} data-checks={check.total}>
            {grouped(check.done)} of {grouped(check.total)}
            {running && `: ${printable(check.case.name, true)}`}
          </p>
        </>
      )}
      {store.check.failures.value.length > 0 && <Failures cases={store.check.failures.value} />}
      {verdict && (
        <p data-verdict={verdict.failed === 0 ? 'passed' : 'failed'}>
          <b>{verdict.failed === 0 ? 'Yes.' : 'No.'}</b> {grouped(verdict.passed)} passed, {grouped(verdict.failed)}{' '}
          failed
          {verdict.skipped > 0 && `, ${grouped(verdict.skipped)} cannot be run here`}.
        </p>
      )}
      <div class="buttons">
        <button type="button" disabled={!store.ready.value || running} onClick={() => store.startCheck()}>
          {verdict ? 'Check again' : 'Check it'}
        </button>
        {verdict && <CopyButton label="Copy the report" text={() => verdict.report} />}
      </div>
    </section>
  );
}

const SHOWN = 10;

function Failures({ cases }: { cases: readonly CheckedCase[] }) {
  return (
    <ul class="about">
      {cases.slice(0, SHOWN).map(({ name, worst, detail }) => (
        <li key={name} class="problem wrap">
          {printable(name, true)}: {worst === null ? '' : `${shortNumber(worst)} times what is allowed, `}
          {printable(detail, true)}
        </li>
      ))}
      {cases.length > SHOWN && <li>and {counted(cases.length - SHOWN, 'other')}</li>}
    </ul>
  );
}
