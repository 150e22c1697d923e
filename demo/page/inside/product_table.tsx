// A number as a sum of products: the largest of them, the others together, what was added, and what the machine made of it.
import { shortNumber } from '../../../src/cli/format.ts';
import type { OpenedCell, ProductLine } from '../../protocol/values.ts';
import { LineBars } from './line_bars.tsx';

/** Products that are listed one by one. */
const LISTED = 8;

interface Props {
  product: NonNullable<OpenedCell['product']>;
  value: number;
}

export function ProductTable({ product: { left, right, added, sum, tolerance }, value }: Props) {
  const products = left.values.map((each, k) => each * right.values[k]!);
  const order = [...products.keys()].sort((a, b) => Math.abs(products[b]!) - Math.abs(products[a]!));
  const [largest, others] = [order.slice(0, LISTED).sort((a, b) => a - b), order.slice(LISTED)];
  const total = (places: readonly number[]) => places.reduce((all, k) => all + left.values[k]! * right.values[k]!, 0);
  const apart = Math.abs(sum - value);
  return (
    <div class="product" data-sum={sum} data-agrees={apart <= tolerance}>
      <p>
        {left.values.length} products, summed: <b>{lineText(left)}</b> times <b>{lineText(right)}</b>.
      </p>
      <div class="strips">
        <LineBars title={lineText(left)} values={left.values} sum={plainSum(left.values)} />
        <LineBars title={lineText(right)} values={right.values} sum={plainSum(right.values)} />
        <LineBars title="their products" values={products} sum={total(order)} />
      </div>
      <div class="scroll">
        <table class="mono">
          <caption class="unseen">How the number was made</caption>
          <thead>
            <tr>
              <th scope="col">place</th>
              <th scope="col">left</th>
              <th scope="col">right</th>
              <th scope="col">product</th>
            </tr>
          </thead>
          <tbody>
            {largest.map((k) => (
              <tr key={k}>
                <th scope="row">{k}</th>
                <td>{shortNumber(left.values[k]!, 4)}</td>
                <td>{shortNumber(right.values[k]!, 4)}</td>
                <td>{shortNumber(products[k]!, 4)}</td>
              </tr>
            ))}
            {others.length > 0 && <Line name={`the other ${others.length}, smaller ones`} value={total(others)} />}
            {added.map((each) => (
              <Line key={each.name} name={`+ ${each.name}`} value={each.value} />
            ))}
            <Line name="= sum" value={sum} digits={8} />
            <Line name="as the machine has it" value={value} digits={8} />
          </tbody>
        </table>
      </div>
      <p class="soft small">
        {apart === 0 ? 'Equal to the last digit' : `${shortNumber(apart)} apart`}
        {apart <= tolerance
          ? ': within what rounding does, since the machine adds in another order and with fewer digits.'
          : `: more than the ${shortNumber(tolerance)} that rounding does.`}
      </p>
    </div>
  );
}

function Line({ name, value, digits = 4 }: { name: string; value: number; digits?: number }) {
  return (
    <tr class="total">
      <th scope="row" colSpan={3}>
        {name}
      </th>
      <td>{shortNumber(value, digits)}</td>
    </tr>
  );
}

/** `row 3 of h.0.attn ln_1 layernorm.y`. */
function lineText({ name, way, index }: ProductLine): string {
  return `${way} ${index} of ${name}`;
}

function plainSum(values: Float32Array): number {
  return values.reduce((all, value) => all + value, 0);
}
