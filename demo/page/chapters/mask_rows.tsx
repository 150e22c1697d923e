// The mask: rows as they are trained on, token by token, each by what it is and whether the loss counts it. Roles are told by a tint and
// by the line below, and once more in words for who sees neither.
import { useSignal } from '@preact/signals';
import { Fragment } from 'preact';
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { MaskedRow, PreparedLesson } from '../../protocol/lessons.ts';
import { rowText, visible } from './row_text.ts';

type Role = MaskedRow['tokens'][number]['role'];

/** Rows that are shown at first. */
const FIRST = 4;

const ROLES: readonly (readonly [role: Role | 'padding', what: string])[] = [
  ['prompt', 'prompt: read, not learned'],
  ['answer', 'answer'],
  ['control', 'control token'],
  ['padding', 'padding: not there for the model'],
];

export function MaskRows({ shown, counts }: Pick<PreparedLesson, 'shown' | 'counts'>) {
  const all = useSignal(false);
  if (shown.length === 0) return null;
  const rows = all.value ? shown : shown.slice(0, FIRST);
  const { tokens, trained } = counts;
  return (
    <div class="mask" data-mask={rows.length}>
      <h3>
        The first rows, token by token. Of all {grouped(tokens)} tokens to learn from, {grouped(trained)} count (
        {tokens > 0 ? ((100 * trained) / tokens).toFixed(1) : 0} %): those with a thick line below.
      </h3>
      <ul class="mask-key" aria-label="What the tints and lines mean, and how many tokens of these rows are so">
        {ROLES.map(([role, what]) => (
          <li key={role} data-role={role} data-count={countOf(shown, role)}>
            <span class={`piece ${role}`}>{role === 'padding' ? '\u2007\u2007' : 'ab'}</span> {what}{' '}
            <span class="mono">{grouped(countOf(shown, role))}</span>
          </li>
        ))}
      </ul>
      <ol class="mask-rows">
        {rows.map((row, i) => (
          <Row key={i} row={row} />
        ))}
      </ol>
      {shown.length > FIRST && (
        <button type="button" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? 'Fewer rows' : `All ${shown.length} rows`}
        </button>
      )}
    </div>
  );
}

function Row({ row }: { row: MaskedRow }) {
  return (
    <li>
      {row.note !== undefined && <b class="note">{printable(row.note, true)}</b>}
      <span class="unseen">{rowText(row)}</span>
      <span class="mono" aria-hidden="true">
        {row.tokens.map(({ text, role, trained }, i) => (
          <Fragment key={i}>
            {role === 'prompt' && row.tokens[i - 1]?.role === 'answer' && <br />}
            <span class={`piece ${role} ${trained ? 'counts' : ''}`}>{visible(text)}</span>
          </Fragment>
        ))}
        {row.padding > 0 && <span class="piece padding">{`${row.padding}\u00d7`}</span>}
      </span>
    </li>
  );
}

function countOf(rows: readonly MaskedRow[], role: Role | 'padding'): number {
  return rows.reduce(
    (sum, row) => sum + (role === 'padding' ? row.padding : row.tokens.filter((token) => token.role === role).length),
    0,
  );
}
