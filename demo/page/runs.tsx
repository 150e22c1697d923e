// The runs of the chart side by side, in numbers, and what shows that a fork is one with the run that it parted from until its step.

import { lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import type { Fork } from '../protocol/past.ts';
import { nearestIndex } from './curve_frame.ts';
import { colourOf, type OtherRun, unlike } from './other_runs.ts';
import type { RunRecord } from './run_record.ts';
import { store } from './store.ts';

/** Rows of the table, beside the step at which the runs parted. */
const ROWS = 8;
/** Digits of a hash that are shown. */
const SHOWN = 8;

export function Runs() {
  store.version.value;
  const ready = store.ready.value;
  const fork = store.lineage.parted.value;
  if (!ready) return null;
  const present = { number: store.lineage.number.value, record: store.record, link: ready.link, fork };
  const runs = [...store.lineage.others.value, present];
  const links = runs.map(({ link }) => link);
  return (
    <section class="runs" aria-label="Runs on this chart" data-runs={runs.length}>
      {fork && <Proof fork={fork} number={present.number} />}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">run</th>
              {runs.map((run) => (
                <th key={run.number} scope="col">
                  <i class={`key ${run === present ? 'train' : colourOf(run.number)}`} /> {run.number}
                  {run === present ? ', present' : ''}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Line title="its own settings" runs={runs} of={({ link }) => unlike(link, links).join(' ') || 'the same'} />
            <Line title="parted at step" runs={runs} of={(run) => (run.fork ? grouped(run.fork.step) : '-')} />
            {rows(runs).map((step) => (
              <Line
                key={step}
                title={`loss, step ${grouped(step)}`}
                runs={runs}
                of={({ record }) => lossAt(record, step)}
              />
            ))}
            <Line title="validation" runs={runs} of={({ record }) => lossText(record.lastValidation)} />
            <Line
              title="parameters at the end"
              runs={runs}
              of={({ record }) => record.parameterHash?.slice(0, SHOWN) ?? '-'}
            />
          </tbody>
        </table>
      </div>
      <p class="soft">Losses are averages, as drawn. Each of these runs is saved by itself.</p>
    </section>
  );
}

function Proof({ fork: { step, replayedFrom, losses, parameters }, number }: { fork: Fork; number: number }) {
  const [before, now] = parameters;
  const same = before === now && (!losses || losses[0] === losses[1]);
  const again = replayedFrom < step ? `steps ${grouped(replayedFrom + 1)} to ${grouped(step)} were trained again` : '';
  const said = losses ? `losses ${losses[0].slice(0, SHOWN)}` : 'the losses before it were not kept';
  if (!same)
    return (
      <p class="problem" role="alert" data-prefix="differs">
        Run {number} does not begin as the run before it was at step {grouped(step)}: parameters{' '}
        {before.slice(0, SHOWN)} and {now.slice(0, SHOWN)}.
      </p>
    );
  return (
    <p data-prefix={step} data-parameters={now} data-losses={losses?.[1]}>
      Shared prefix: {step === 1 ? 'step 1' : `steps 1 to ${grouped(step)}`}, parameters{' '}
      <span class="mono">{now.slice(0, SHOWN)}</span> in both, {said}
      {losses && ' in both'}
      {again && `; ${again}`}.
    </p>
  );
}

interface LineProps {
  title: string;
  runs: readonly OtherRun[];
  of(run: OtherRun): string;
}

function Line({ title, runs, of }: LineProps) {
  return (
    <tr>
      <th scope="row">{title}</th>
      {runs.map((run) => (
        <td key={run.number} class="mono">
          {of(run)}
        </td>
      ))}
    </tr>
  );
}

/** Steps that are shown: some of all that one of the runs has made, and where they parted. */
function rows(runs: readonly OtherRun[]): number[] {
  const last = Math.max(...runs.map(({ record }) => record.step));
  const even = Array.from({ length: ROWS }, (_, i) => Math.max(1, Math.round((i * last) / (ROWS - 1))));
  const parted = runs.flatMap(({ fork }) => (fork ? [fork.step] : []));
  return [...new Set([...even, ...parted])].sort((a, b) => a - b);
}

function lossAt(record: RunRecord, step: number): string {
  if (step > record.step || record.steps.length === 0) return '-';
  return lossText(record.average[nearestIndex(record.steps, step)]);
}
