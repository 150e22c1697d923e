// Kernels: the step that comes next, dispatch by dispatch, and one of them opened. It is run on a copy: the run stays as it is.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { ListedDispatch } from '../../protocol/kernels.ts';
import { measureShares, measuring, msText, sharesProblem, stepShares } from '../step_shares.ts';
import { store } from '../store.ts';
import { DispatchPanel } from './dispatch_panel.tsx';
import { DispatchTable } from './dispatch_table.tsx';
import { useAnswer } from './use_answer.ts';

export function Kernels() {
  const { answer, error } = useAnswer('dispatches', {}, false);
  const failed = store.state.value?.state === 'failed';
  const bad = useAnswer('notFinite', failed ? {} : null, false).answer?.index ?? null;
  const open = useSignal<number | null>(null);
  const run = store.ready.value?.link;
  // One look is one measurement, of sizes that stay the same from step to step.
  useEffect(() => {
    if (answer) void measureShares();
  }, [answer, run]);
  useEffect(() => {
    if (failed && bad !== null) open.value = bad;
  }, [failed, bad]);
  if (error) return <p class="problem">{printable(error, true)}</p>;
  if (!answer) return <p class="soft">planning the step</p>;
  const { dispatches } = answer;
  const found = open.value === null ? null : dispatches[open.value];
  return (
    <section class="kernels" aria-label="Kernels" data-dispatches={dispatches.length}>
      <About dispatches={dispatches} failed={failed} bad={bad} />
      <DispatchTable dispatches={dispatches} open={open} bad={failed ? bad : null} />
      {found && <DispatchPanel listed={found} last={dispatches.length - 1} open={open} />}
    </section>
  );
}

function About({
  dispatches,
  failed,
  bad,
}: {
  dispatches: readonly ListedDispatch[];
  failed: boolean;
  bad: number | null;
}) {
  const kernels = new Set(dispatches.map(({ kernel }) => kernel)).size;
  const runs = dispatches.reduce((sum, { times }) => sum + times, 0);
  const first = bad === null ? undefined : dispatches[bad];
  return (
    <>
      <p>
        A step is {grouped(runs)} dispatches of {kernels} kernels
        {runs > dispatches.length &&
          `, ${dispatches.length} of them listed: those of a batch run once for each of its batches`}
        . Open one to see its WGSL text, what it reads and writes, and how far that is from the CPU twin.
      </p>
      {failed && first && (
        <p class="problem" data-not-finite={bad}>
          In the step that ended the run, the first value that is no finite number is left by dispatch {bad}:{' '}
          {first.kernel} in {first.scope || 'the loss'}.
        </p>
      )}
      <Times />
    </>
  );
}

function Times() {
  const shares = stepShares.value;
  if (sharesProblem.value) return <p class="problem">{printable(sharesProblem.value, true)}</p>;
  if (!shares) return <p class="soft">{measuring.value ? 'measuring the step' : 'not measured'}</p>;
  return (
    <>
      <p data-step-ms={shares.stepMs}>
        A step takes {msText(shares.stepMs)}; its dispatches, each timed alone on a copy, {msText(shares.sumMs)}{' '}
        together.
      </p>
      <details>
        <summary>How it was measured</summary>
        <p class="soft">
          Browsers give no GPU clock that tells short kernels apart: each dispatch was run many times in a row on a copy
          of the weights, and once, by this computer's clock; the difference counts. In a row a kernel finds its data
          near by, so that it may be quicker than within a step, and whatever else the computer does makes it look
          slower.
        </p>
      </details>
    </>
  );
}
