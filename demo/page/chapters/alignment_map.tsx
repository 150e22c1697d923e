// How a translation looked at its source, as a table whose cells are coloured: a row for each token that was written, and its end; a
// column for each token that was read. Colours go by the square root, so that small weights are seen.
import { useSignal } from '@preact/signals';
import { printable } from '../../../src/data/printable.ts';
import type { AlignmentMaps } from '../../protocol.ts';
import { cividis } from '../cividis.ts';
import { ShareColours } from '../share_colours.tsx';

/** Tokens that the sentence of a chosen row names. */
const NAMED = 3;

export function AlignmentMap({ source, target, maps }: AlignmentMaps) {
  const map = useSignal(0);
  const chosen = useSignal<number | null>(null);
  const { name, rows } = maps[map.value]!;
  const sources = source.map(tokenText);
  const targets = target.map(tokenText);
  const at = chosen.value;
  return (
    <figure class="alignment" data-alignment={name}>
      <div class="head">
        <h3>Across: what it read. Down: what it wrote. The lighter, the more it looked there.</h3>
        <label class="switch">
          by{' '}
          <select value={map.value} onChange={(event) => (map.value = Number(event.currentTarget.value))}>
            {maps.map((each, i) => (
              <option key={each.name} value={i}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="scroll">
        <table>
          <caption class="unseen">Share of its attention that each token written gave to each token read</caption>
          <thead>
            <tr>
              <td />
              {sources.map((token, s) => (
                <th key={s} scope="col">
                  <span>{token}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {targets.map((token, t) => (
              <tr key={t} class={t === at ? 'chosen' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    class="plain mono"
                    aria-pressed={t === at}
                    onClick={() => (chosen.value = t === at ? null : t)}
                  >
                    {token}
                  </button>
                </th>
                {rows[t]!.map((weight, s) => (
                  <td
                    key={s}
                    data-weight={weight}
                    style={{ backgroundColor: cividis(Math.sqrt(weight)) }}
                    title={`${token} looked at ${sources[s]}: ${weight.toFixed(2)}`}
                  >
                    <span class="unseen">{weight.toFixed(2)}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ShareColours what="Share of attention" />
      <p class="soft" data-looked>
        {at === null
          ? 'Choose a token on the left: this line then says what it looked at most.'
          : lookedAt(targets[at]!, sources, rows[at]!)}
      </p>
    </figure>
  );
}

/** `introuvable looked most at find 0.61, name 0.20, ' 0.08.` */
function lookedAt(token: string, sources: readonly string[], row: readonly number[]): string {
  const most = row.map((weight, s) => ({ weight, s })).sort((a, b) => b.weight - a.weight);
  const named = most.slice(0, NAMED).map(({ weight, s }) => `${sources[s]} ${weight.toFixed(2)}`);
  return `${token} looked most at ${named.join(', ')}.`;
}

/** A space at an edge is seen as a dot. */
function tokenText(token: string): string {
  return token === '' ? '(end)' : printable(token, true).replace(/^ | $/g, '\u00b7');
}
