// The bar that stays in view: what the run does, how far it is, and what one can do with it.

import { clockText, lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { recorded } from '../recorded.ts';
import { actions, primaryAction } from './actions.ts';
import { Ago } from './ago.tsx';
import { draftChanged, draftProblem } from './draft.ts';
import { ForkButton } from './fork_button.tsx';
import { memoryText } from './memory_text.ts';
import { LostLine, Plug } from './plug.tsx';
import { StopDialog } from './stop_dialog.tsx';
import { stopOpen } from './stop_open.ts';
import { store } from './store.ts';

export function RunBar() {
  store.version.value;
  const { record } = store;
  const state = store.state.value;
  const compiled = store.compiled.value;
  const { step, stop } = actions(store);
  const primary = primaryAction(store);
  const loss = record.lastLoss;
  const total = record.totalSteps;
  const memory = memoryText((store.ready.value ?? recorded).memory.total, store.measured.value?.bytes);
  return (
    <section
      id="run"
      aria-label="Run"
      data-state={state?.state ?? 'opening'}
      data-step={record.step}
      data-total={total}
      data-loss={loss ?? undefined}
      data-validation={record.lastValidation}
      data-saved={state?.savedStep ?? 0}
      data-hash={record.parameterHash ?? undefined}
      data-left={store.secondsLeft.value}
      data-lost={record.lostAt.length}
      data-compiled={compiled && `${compiled.done} of ${compiled.total}`}
    >
      <div class="buttons">
        <button type="button" class="primary" disabled={!primary} onClick={() => primary?.run()}>
          {primary?.label ?? 'Pause'}
        </button>
        <button type="button" disabled={!step} onClick={() => store.send({ type: 'step' })}>
          Step
        </button>
        <button type="button" disabled={!stop} onClick={() => (stopOpen.value = true)}>
          Stop
        </button>
        <Plug />
        {draftChanged() && (
          <>
            <button type="button" class="primary" disabled={draftProblem() !== null} onClick={() => store.restart()}>
              Restart with changes
            </button>
            {record.step > 0 && <ForkButton label="Apply as fork at" primary />}
          </>
        )}
      </div>
      <div class="progress">
        <span class="step">
          step <b>{grouped(record.step)}</b> / {grouped(total)}
        </span>
        <progress max={total} value={record.step} aria-label="Steps done" />
        <Doing />
        <LostLine />
      </div>
      <dl class="figures">
        <Figure name="loss" value={loss === undefined ? '-' : lossText(loss)} large />
        <Figure name="val" value={lossText(record.lastValidation)} kind="validation" large />
        <Figure name="tok/s" value={speedText()} />
        <Figure name="left" value={leftText()} />
        <Figure name="memory" value={memory} optional />
        <div class="optional">
          <dt>saved at</dt>
          <dd>
            {state?.savedAt ? (
              <>
                {grouped(state.savedStep)} <Ago at={state.savedAt} />
              </>
            ) : (
              '-'
            )}
          </dd>
        </div>
      </dl>
      <StopDialog />
    </section>
  );
}

function Figure({ name, value, kind, large, optional }: Record<'name' | 'value', string> & FigureLook) {
  return (
    <div class={[large && 'large', optional && 'optional', kind].filter(Boolean).join(' ')}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface FigureLook {
  kind?: string;
  large?: boolean;
  optional?: boolean;
}

/** What is being done right now, in words. */
function Doing() {
  const text = doing();
  return (
    <span class="doing soft" data-phase={store.phase.value?.text ?? ''}>
      {text}
    </span>
  );
}

/** Said by the live region too. */
export function doing(): string {
  const phase = store.phase.value;
  const state = store.state.value;
  if (phase) return phase.text + amount(phase);
  switch (state?.state) {
    case undefined:
      return 'loading';
    case 'waiting':
      return state.waitsBecause ? `waiting: ${inner(state.waitsBecause)}` : 'waiting';
    case 'training':
      return store.record.step === 0 ? 'first step' : 'training';
    case 'done':
      return 'done';
    default:
      return state?.state ?? '';
  }
}

/** A sentence as a part of another. */
const inner = (sentence: string) => sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '');

function amount({ done, total }: { done?: number; total?: number }): string {
  if (done === undefined) return '';
  return total === undefined ? ` ${Math.round(done * 100)} %` : ` ${grouped(done)} of ${grouped(total)}`;
}

function speedText(): string {
  const speeds = store.record.tokensPerSecond.slice(-30).filter((speed) => speed > 0);
  // Steps hold equal tokens, not equal times: the harmonic mean.
  return speeds.length ? grouped(speeds.length / speeds.reduce((sum, speed) => sum + 1 / speed, 0)) : '-';
}

function leftText(): string {
  const left = store.secondsLeft.value;
  const forecast = store.ready.value?.secondsForecast;
  const { step, totalSteps } = store.record;
  if (step >= totalSteps) return '0:00';
  if (store.state.value?.state === 'failed') return '-';
  if (left !== undefined) return clockText(left);
  return forecast === undefined ? '-' : `about ${clockText(forecast * (1 - step / totalSteps))}`;
}
