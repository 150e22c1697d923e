// The picture's squares as a table of numbers: those around the chosen one.
import { useEffect, useRef, useState } from 'preact/hooks';
import { shortNumber } from '../../../src/cli/format.ts';
import type { HeatMap } from '../../protocol/values.ts';
import { type Place, squareAt } from './heat_map.tsx';
import { css, inkOn, signed } from './signed.ts';
import { useDark } from './signed_box.tsx';

/** Rows and columns of the table, at most. */
const MOST = 16;

export function NumbersAround({ map, chosen }: { map: HeatMap; chosen: Place | null }) {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)} class="numbers">
      <summary>The numbers{chosen ? ' around it' : ''}</summary>
      {open && <Table map={map} chosen={chosen} />}
    </details>
  );
}

function Table({ map, chosen }: { map: HeatMap; chosen: Place | null }) {
  const dark = useDark();
  const box = useRef<HTMLDivElement>(null);
  // On a narrow screen the chosen one may stand beside what is seen of the table.
  useEffect(() => {
    const cell = box.current!.querySelector<HTMLElement>('[aria-current]');
    if (cell) box.current!.scrollLeft = cell.offsetLeft - (box.current!.clientWidth - cell.offsetWidth) / 2;
  }, [chosen]);
  const { mapRows, mapColumns, cells, scale, pool, window, tokens, title } = map;
  const at = chosen ? squareAt(map, chosen) : { down: 0, across: 0 };
  const rows = range(at.down, mapRows);
  const columns = range(at.across, mapColumns);
  const name = (from: number, size: number) => (size === 1 ? `${from}` : `${from}\u2013${from + size - 1}`);
  const token = (row: number) => (tokens && pool[0] === 1 ? ` ${JSON.stringify(tokens[row] ?? '')}` : '');
  return (
    <div ref={box} class="scroll beside">
      <table class="mono">
        <caption class="unseen">
          Numbers of {title}, rows down and columns across
          {pool[0] * pool[1] > 1 && ', of each group the largest'}
        </caption>
        <thead>
          <tr>
            <td />
            {columns.map((column) => (
              <th key={column} scope="col">
                {name(window.column + column * pool[1], pool[1])}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row}>
              <th scope="row">
                {name(window.row + row * pool[0], pool[0])}
                {token(window.row + row)}
              </th>
              {columns.map((column) => {
                const value = cells[row * mapColumns + column]!;
                const colour = signed(scale > 0 ? value / scale : value, dark);
                const here = chosen !== null && row === at.down && column === at.across;
                return (
                  <td
                    key={column}
                    aria-current={here || undefined}
                    style={{ backgroundColor: css(colour), color: inkOn(colour) }}
                  >
                    {shortNumber(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** At most so many, around a place. */
function range(at: number, count: number): number[] {
  const size = Math.min(MOST, count);
  const from = Math.max(0, Math.min(count - size, at - (size >> 1)));
  return Array.from({ length: size }, (_, i) => from + i);
}

/** `(32,96), 3,072 numbers`. */
export function sizeText({ shape, rows, columns }: Pick<HeatMap, 'shape' | 'rows' | 'columns'>): string {
  return `${shape.join('\u00d7')}, ${rows * columns === 1 ? '1 number' : `${(rows * columns).toLocaleString('en')} numbers`}`;
}
