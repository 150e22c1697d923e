// One number opened: where it comes from, and the row and column that it stands in.
import { shortNumber } from '../../../src/cli/format.ts';
import type { OpenedCell, ValueGroup } from '../../protocol/values.ts';
import type { Place } from './heat_map.tsx';
import { LineBars } from './line_bars.tsx';
import { ProductTable } from './product_table.tsx';
import { useAnswer } from './use_answer.ts';

interface Props {
  group: ValueGroup;
  name: string;
  tokens: readonly string[] | null;
  place: Place;
}

export function CellPanel({ group, name, tokens, place: { row, column } }: Props) {
  const { answer, error } = useAnswer('cell', { name, group, row, column });
  const mine = answer?.name === name && answer.group === group && answer.row === row && answer.column === column;
  if (error) return <p class="problem">{error}</p>;
  if (!answer || !mine)
    return (
      <p class="soft">
        opening row {row}, column {column}
      </p>
    );
  return <Opened cell={answer} tokens={tokens} />;
}

function Opened({ cell, tokens }: { cell: OpenedCell; tokens: readonly string[] | null }) {
  const { row, column, value, product, why, ownRow, ownColumn, rowSum, columnSum } = cell;
  const token = tokens ? ` ${JSON.stringify(tokens[row])}` : '';
  return (
    <section class="cell" aria-label="One number" data-cell={`${row},${column}`} data-value={value}>
      <h3>
        Row {row}
        {token}, column {column}: <b class="mono">{exact(value)}</b>
      </h3>
      {product ? <ProductTable product={product} value={value} /> : <p class="soft">{why}</p>}
      <div class="strips">
        <LineBars title={`its row, ${ownRow.length} numbers`} values={ownRow} at={column} sum={rowSum} />
        <LineBars title={`its column, ${ownColumn.length} numbers`} values={ownColumn} at={row} sum={columnSum} />
      </div>
    </section>
  );
}

/** All digits that an f32 has. */
function exact(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(8))) : shortNumber(value);
}
