// One dispatch, opened: what it reads and writes with the first values, how far its results are from the CPU twin, and its WGSL text.
import { type Signal, useSignal } from '@preact/signals';
import { byteText, shortNumber } from '../../../src/cli/format.ts';
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { DispatchValue, ListedDispatch, OpenedDispatch } from '../../protocol/kernels.ts';
import { CopyButton } from '../copy.tsx';
import { msText, percentText, stepShares } from '../step_shares.ts';
import { store } from '../store.ts';
import { useAnswer } from './use_answer.ts';

interface Props {
  listed: ListedDispatch;
  /** The number of the last dispatch. */
  last: number;
  open: Signal<number | null>;
}

export function DispatchPanel({ listed, last, open }: Props) {
  const round = useSignal(0);
  const { index, kernel, scope, op, grid, bytes, times } = listed;
  const shares = stepShares.value;
  const ms = shares?.ms[index];
  return (
    <section class="dispatch" aria-label={`Dispatch ${index}`}>
      <div class="buttons">
        <h3>
          <b>
            Dispatch {index}: {kernel}
          </b>
        </h3>
        <button type="button" disabled={index === 0} onClick={() => (open.value = index - 1)}>
          Previous
        </button>
        <button type="button" disabled={index === last} onClick={() => (open.value = index + 1)}>
          Next
        </button>
        <button type="button" onClick={() => (open.value = null)}>
          Close
        </button>
      </div>
      <p>
        {op} in {scope || 'the loss'}, a grid of {grid.join('\u00d7')} workgroups, {byteText(bytes)} bound
        {times > 1 && `, ${times} times a step`}
        {shares && ms !== undefined && `, ${msText(ms)}: ${percentText((times * ms) / shares.sumMs)} of a step`}.
      </p>
      <Opened key={`${index} ${round.value}`} index={index} again={() => round.value++} />
    </section>
  );
}

function Opened({ index, again }: { index: number; again(): void }) {
  const { answer, error } = useAnswer('dispatch', { index }, false);
  store.version.value;
  if (error) return <p class="problem">{printable(error, true)}</p>;
  if (!answer) return <p class="soft">running the step on a copy</p>;
  return (
    <div class="opened" data-opened={index}>
      <div class="buttons">
        <p class="soft" data-of-step={answer.ofStep}>
          Values of step {grouped(answer.ofStep)}, run on a copy.
        </p>
        {store.record.step >= answer.ofStep && (
          <button type="button" onClick={again}>
            At the newest step
          </button>
        )}
      </div>
      {answer.refused ? <p class="problem">{printable(answer.refused, true)}</p> : <Values answer={answer} />}
      <Source answer={answer} />
    </div>
  );
}

function Values({ answer }: { answer: OpenedDispatch }) {
  const compared = answer.values.filter(({ twin }) => twin);
  return (
    <>
      {compared.map((value) => (
        <Verdict key={value.name} value={value} index={answer.index} />
      ))}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section class="scroll" tabIndex={0} aria-label="What it reads and writes">
        <table class="bound">
          <thead>
            <tr>
              {['', 'binding', 'value', 'shape', 'bytes'].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          {answer.values.map((value) => (
            <BoundRows key={`${value.index} ${value.name}`} value={value} own={value.index === answer.index} />
          ))}
        </table>
      </section>
    </>
  );
}

function Verdict({ value: { name, twin, index: by }, index }: { value: DispatchValue; index: number }) {
  const { difference, tolerance, relative, terms } = twin!;
  const inside = difference <= tolerance;
  const where = by === index ? name : `${name} (as dispatch ${by} of the same operation leaves it)`;
  const why =
    relative === 0
      ? 'bits are moved'
      : `${shortNumber(relative)} of the largest size: ${terms === 1 ? 'no sum' : `sums of ${grouped(terms)} terms`} in float32`;
  return (
    <p
      class={inside ? 'verdict' : 'verdict problem'}
      data-difference={difference}
      data-tolerance={tolerance}
      data-inside={inside}
    >
      <b>{inside ? 'Agrees' : 'Differs'}</b>: {where}{' '}
      {Number.isFinite(difference) ? `is at most ${shortNumber(difference)} from` : 'is not finite everywhere, unlike'}{' '}
      the CPU twin, given the same inputs; {shortNumber(tolerance)} allowed ({why}).
    </p>
  );
}

function BoundRows({ value, own }: { value: DispatchValue; own: boolean }) {
  const { name, written, shape, dtype, bytes, head, before, twin, why, index } = value;
  const does = !own ? `dispatch ${index} writes` : before ? 'overwrites' : written ? 'writes' : 'reads';
  return (
    <tbody data-binding={name}>
      <tr>
        <th scope="row">{does}</th>
        <td class="mono">{name}</td>
        <td class="mono">{printable(value.value, true)}</td>
        <td class="mono">{`${shape.join('\u00d7')} ${dtype}`}</td>
        <td class="mono">{byteText(bytes)}</td>
      </tr>
      {before && <Numbers what="before" values={before} />}
      <Numbers what="first values" values={head} />
      {twin && <Numbers what="CPU twin" values={twin.head} />}
      {why && (
        <tr>
          <td />
          <td class="soft wide" colSpan={4}>
            {why}
          </td>
        </tr>
      )}
    </tbody>
  );
}

function Numbers({ what, values }: { what: string; values: readonly number[] }) {
  return (
    <tr>
      <td class="soft">{what}</td>
      <td class="mono wide" colSpan={4}>
        {values.map(numberText).join(', ')}
      </td>
    </tr>
  );
}

/** Six digits: the difference itself stands beside them. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '\u2212Inf';
  return String(Number(value.toPrecision(6))).replace('-', '\u2212');
}

function Source({ answer: { kernel, wgsl, ownLines, constants, sizes } }: { answer: OpenedDispatch }) {
  const lines = wgsl.split('\n');
  const [own, snippets] = [lines.slice(0, ownLines).join('\n'), lines.slice(ownLines).join('\n').trim()];
  const given = (named: Readonly<Record<string, number>>) =>
    Object.entries(named)
      .map(([name, value]) => `${name} = ${Number(value.toPrecision(7))}`)
      .join(', ');
  return (
    <div class="source">
      <div class="buttons">
        <h4>shaders/{kernel}.wgsl</h4>
        <CopyButton label="Copy the WGSL text" text={() => wgsl} />
      </div>
      {Object.keys(constants).length > 0 && <p class="mono wrap">override {given(constants)}</p>}
      {Object.keys(sizes).length > 0 && <p class="mono wrap">Sizes {given(sizes)}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre class="wgsl" tabIndex={0} data-wgsl>
        {own}
        {snippets !== '' && (
          <>
            {'\n\n'}
            <span class="soft">{'// What its lib line asks for, as it was compiled:'}</span>
            {'\n\n'}
            {snippets}
          </>
        )}
      </pre>
    </div>
  );
}
