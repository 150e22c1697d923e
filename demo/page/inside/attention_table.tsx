// A map of attention as numbers: a row for each token, a column for each that it can look at.
import { grouped } from '../../../src/data/counted.ts';

/** Rows that are shown at once. */
const ROWS = 64;

interface Props {
  tokens: readonly string[];
  /** (T,T) */
  weights: Float32Array;
  chosen: ReadonlySet<number>;
}

export function AttentionTable({ tokens, weights, chosen }: Props) {
  const T = tokens.length;
  const rows = chosen.size > 0 ? [...chosen].filter((i) => i < T).sort((a, b) => a - b) : tokens.map((_, i) => i);
  return (
    <table class="weights">
      <caption>
        Share of its attention that each token on the left gives to each at the top
        {rows.length > ROWS && `; the first ${ROWS} of ${grouped(rows.length)} rows: choose tokens for others`}
      </caption>
      <thead>
        <tr>
          <td />
          {tokens.map((token, j) => (
            <th key={j} scope="col">
              {token}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, ROWS).map((i) => (
          <tr key={i} data-row={i}>
            <th scope="row">{tokens[i]}</th>
            {tokens.map((_, j) => (
              <td key={j} data-weight={weights[i * T + j]}>
                {j > i && weights[i * T + j] === 0 ? '' : weights[i * T + j]!.toFixed(3)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
