// The dispatches of a step as a table: a row each, one of them opened. One stop for the Tab key, arrows between the rows.
import { type Signal, useSignal } from '@preact/signals';
import { byteText } from '../../../src/cli/format.ts';
import type { ListedDispatch } from '../../protocol/kernels.ts';
import { msText, percentText, stepShares } from '../step_shares.ts';

/** Columns of numbers. */
const NUMBERS = ['#', 'bytes', 'ms', 'share'];

interface Props {
  dispatches: readonly ListedDispatch[];
  /** The number of the opened one. */
  open: Signal<number | null>;
  /** The first that leaves a value which is not finite. */
  bad: number | null;
}

export function DispatchTable({ dispatches, open, bad }: Props) {
  const part = useSignal('');
  const longest = useSignal(false);
  const shares = stepShares.value;
  const time = ({ index, times }: ListedDispatch) => times * (shares?.ms[index] ?? 0);
  const parts = [...new Set(dispatches.map((each) => each.part))];
  const wanted = dispatches.filter((each) => part.value === '' || each.part === part.value);
  const rows = longest.value ? [...wanted].sort((a, b) => time(b) - time(a)) : wanted;
  const all = wanted.reduce((sum, each) => sum + time(each), 0);
  const most = Math.max(...dispatches.map(time), 1e-9);
  const stop = rows.some(({ index }) => index === open.value) ? open.value : rows[0]?.index;
  const move = (event: KeyboardEvent, i: number) => {
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !rows[to]) return;
    event.preventDefault();
    open.value = rows[to].index;
    const body = (event.currentTarget as HTMLElement).closest('tbody')!;
    body.rows[to]!.querySelector('button')!.focus();
  };
  return (
    <>
      <form class="buttons" onSubmit={(event) => event.preventDefault()}>
        <label>
          Part{' '}
          <select value={part.value} onChange={(event) => (part.value = event.currentTarget.value)}>
            <option value="">all of the step</option>
            {parts.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="switch">
          <input
            type="checkbox"
            checked={longest.value}
            disabled={!shares}
            onChange={(event) => (longest.value = event.currentTarget.checked)}
          />{' '}
          longest first
        </label>
        {shares && part.value !== '' && (
          <span class="soft">
            {msText(all)}, {percentText(all / shares.sumMs)} of a step
          </span>
        )}
      </form>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the rows have one stop of their own */}
      <section class="scroll dispatches" tabIndex={0} aria-label="Dispatches">
        <table>
          <thead>
            <tr>
              {['#', 'kernel', 'part', 'ms', 'share', 'writes', 'grid', 'bytes'].map((name) => (
                <th key={name} scope="col" class={NUMBERS.includes(name) ? 'number' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((each, i) => (
              <tr
                key={each.index}
                aria-current={each.index === open.value ? 'true' : undefined}
                class={each.index === bad ? 'bad' : undefined}
                data-dispatch={each.index}
              >
                <td class="number">{each.index}</td>
                <th scope="row">
                  <button
                    type="button"
                    class="text"
                    aria-expanded={each.index === open.value}
                    tabIndex={each.index === stop ? 0 : -1}
                    onClick={() => (open.value = each.index === open.value ? null : each.index)}
                    onKeyDown={(event) => move(event, i)}
                  >
                    {each.kernel}
                  </button>
                  {each.index === bad && <span> first not finite</span>}
                </th>
                <td>
                  {each.scope || 'loss'}
                  {each.times > 1 && <span class="soft"> {each.times} times</span>}
                </td>
                <td class="number">{shares ? msText(shares.ms[each.index]!).replace('\u00a0ms', '') : ''}</td>
                <td class="number" data-share={shares ? time(each) / shares.sumMs : undefined}>
                  {shares && (
                    <>
                      {percentText(time(each) / shares.sumMs)}
                      <i class="bar" style={{ width: `${(100 * time(each)) / most}%` }} />
                    </>
                  )}
                </td>
                <td>{each.shapes.join(', ')}</td>
                <td>{each.grid.join('\u00d7')}</td>
                <td class="number">{byteText(each.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
