// Weights, gradients and activations: which tensor, its picture, what is said of all its numbers, and one of them opened.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { HeatMap, ListedTensor, ValueGroup } from '../../protocol/values.ts';
import { CellPanel } from './cell.tsx';
import { HEIGHT, HeatMapPicture, type Place, SMALLEST, squareAt } from './heat_map.tsx';
import { lookAt, lookedCell, lookedGroup, lookedTensor, lookedWindow } from './looked_at.ts';
import { useAnswer } from './use_answer.ts';
import { SignedColours, Statistics } from './value_bar.tsx';
import { NumbersAround, sizeText } from './value_numbers.tsx';

const GROUPS: readonly (readonly [group: ValueGroup, title: string])[] = [
  ['weights', 'Weights'],
  ['gradients', 'Gradients'],
  ['activations', 'Activations'],
];
/** Pixels of a square of a part that was opened from a pooled picture. */
const OPENED = 12;

export function Weights() {
  const list = useAnswer('tensors', {}, false);
  const group = lookedGroup.value;
  const all = list.answer?.tensors.filter((tensor) => tensor.group === group) ?? [];
  const found = all.find(({ name }) => name === lookedTensor.value) ?? all[0];
  return (
    <section class="values" aria-label="Weights and gradients" data-tensor={found?.name} data-group={group}>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <fieldset class="buttons">
          <legend class="unseen">Which numbers</legend>
          {GROUPS.map(([name, title]) => (
            <label key={name} class="switch">
              <input type="radio" name="group" checked={name === group} onChange={() => lookAt(name, '')} /> {title}
            </label>
          ))}
        </fieldset>
        <label class="of">
          of{' '}
          <select value={found?.name} onChange={(event) => lookAt(group, event.currentTarget.value)}>
            {blocks(all).map(([block, tensors]) => (
              <optgroup key={block} label={block}>
                {tensors.map(({ name, title, shape }) => (
                  <option key={name} value={name}>
                    {printable(`${title}  ${shape.join('\u00d7')}`, true)}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
      </form>
      {list.error && <p class="problem">{list.error}</p>}
      {found && <Picture key={`${group} ${found.name}`} tensor={found} />}
    </section>
  );
}

/** In the order of the model, those of one block together. */
function blocks(tensors: readonly ListedTensor[]): [string, ListedTensor[]][] {
  const groups = new Map<string, ListedTensor[]>();
  for (const tensor of tensors) {
    const block = /(?:^|\.)(?:h|layers)\.(\d+)\./.exec(tensor.title)?.[1];
    const name =
      block === undefined
        ? groups.size > 1
          ? 'behind the blocks'
          : 'before the blocks'
        : `block ${Number(block) + 1}`;
    groups.set(name, [...(groups.get(name) ?? []), tensor]);
  }
  return [...groups];
}

function Picture({ tensor: { name, group } }: { tensor: ListedTensor }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(box.current!.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    measure();
    return () => observer.disconnect();
  }, []);
  const room = [Math.floor(HEIGHT / SMALLEST), Math.max(1, Math.floor(width / SMALLEST))] as const;
  const asked = width > 0 ? { name, group, window: lookedWindow.value, room } : null;
  const { answer, error, step } = useAnswer('values', asked);
  const map = answer?.name === name && answer.group === group ? answer : null;
  return (
    <div ref={box} class="picture" data-step={map ? step : undefined}>
      {error && <p class="problem">{error}</p>}
      {!map && !error && <p class="soft">reading {name}</p>}
      {map && <Shown map={map} width={width} />}
    </div>
  );
}

function Shown({ map, width }: { map: HeatMap; width: number }) {
  const chosen = lookedCell.value;
  const { pool, rows, columns, window } = map;
  const whole = window.rows === rows && window.columns === columns;
  const pooled = pool[0] * pool[1] > 1;
  const seen = chosen && isIn(map, chosen) ? chosen : null;
  const zoom = ({ row, column }: Place) => {
    const [height, across] = [Math.floor(HEIGHT / OPENED), Math.max(8, Math.floor(width / OPENED))];
    const part = { rows: Math.min(rows, height), columns: Math.min(columns, across) };
    const middle = { row: row + (pool[0] >> 1), column: column + (pool[1] >> 1) };
    const from = { row: middle.row - (part.rows >> 1), column: middle.column - (part.columns >> 1) };
    lookedWindow.value = { row: Math.max(0, from.row), column: Math.max(0, from.column), ...part };
    lookedCell.value = middle.row < rows && middle.column < columns ? middle : { row, column };
  };
  const choose = (place: Place) => {
    lookedCell.value = place;
    if (!whole && !isIn(map, place)) lookedWindow.value = around(map, place);
  };
  const leave = () => {
    if (whole) lookedCell.value = null;
    else lookedWindow.value = null;
  };
  // A part that no longer is one, of a matrix with other sizes.
  useEffect(() => {
    if (chosen && (chosen.row >= rows || chosen.column >= columns)) lookedCell.value = null;
  }, [rows, columns]);
  const hint = pooled ? 'Click a square to see its part of the matrix.' : 'Click a number, or use the arrows.';
  const read = seen ? readOut(map, seen) : hint;
  return (
    <>
      <p class="soft">
        {sizeText(map)}: {map.about}.
      </p>
      <HeatMapPicture
        map={map}
        width={width}
        chosen={seen}
        label={`${map.title}, ${grouped(rows)} rows and ${grouped(columns)} columns. Arrows choose a number, Enter opens ${pooled ? 'that part' : 'it'}, Escape goes back.`}
        read={read}
        onChoose={choose}
        onOpen={pooled ? zoom : choose}
        onLeave={leave}
      />
      <div class="buttons under">
        <p class="mono" data-read>
          {read}
        </p>
        {!whole && (
          <button type="button" onClick={leave}>
            Show the whole matrix
          </button>
        )}
      </div>
      <SignedColours map={map} />
      <Statistics map={map} />
      <NumbersAround map={map} chosen={seen} />
      {seen && !pooled && <CellPanel group={map.group} name={map.name} tokens={map.tokens} place={seen} />}
    </>
  );
}

/** Where a place has left the part that is shown, the part follows by half its size. */
function around({ window, rows, columns }: HeatMap, place: Place) {
  const follow = (from: number, size: number, at: number, all: number) => {
    if (at >= from && at < from + size) return from;
    const to = at < from ? at - (size >> 1) : at - size + 1 + (size >> 1);
    return Math.max(0, Math.min(all - size, to));
  };
  return {
    ...window,
    row: follow(window.row, window.rows, place.row, rows),
    column: follow(window.column, window.columns, place.column, columns),
  };
}

function isIn({ window }: HeatMap, { row, column }: Place): boolean {
  const inside = (at: number, from: number, count: number) => at >= from && at < from + count;
  return inside(row, window.row, window.rows) && inside(column, window.column, window.columns);
}

/** `row 3 "e", column 7: 0.0123`; of a pooled square what it stands for. */
function readOut(map: HeatMap, place: Place): string {
  const { pool, window, mapColumns, cells } = map;
  const { down, across } = squareAt(map, place);
  const value = cells[down * mapColumns + across]!;
  const range = (from: number, size: number, end: number) =>
    size === 1 ? `${from}` : `${from} to ${Math.min(end, from + size) - 1}`;
  const row = range(window.row + down * pool[0], pool[0], window.row + window.rows);
  const column = range(window.column + across * pool[1], pool[1], window.column + window.columns);
  const token = map.tokens && pool[0] === 1 ? ` ${JSON.stringify(map.tokens[place.row])}` : '';
  const largest = pool[0] * pool[1] > 1 ? 'the largest is ' : '';
  return `row ${row}${token}, column ${column}: ${largest}${numberText(value)}`;
}

function numberText(value: number): string {
  return Number.isFinite(value)
    ? String(Number(value.toPrecision(6)))
    : Number.isNaN(value)
      ? 'not a number'
      : 'infinite';
}
