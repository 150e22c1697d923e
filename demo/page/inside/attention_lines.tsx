// One head as lines from each token to those that it looks at (Vig 2019, BertViz), as strong as the square root of the weight: as the
// colours of the map.
import { TokenRow } from './token_row.tsx';

/** Weaker ones would not be seen. */
const LEAST = 0.01;
/** Wide and high of what a token's row takes in the drawing; its height is the style's. */
const [WIDE, HIGH] = [100, 10];

interface Props {
  tokens: readonly string[];
  /** (T,T) */
  weights: Float32Array;
  chosen: ReadonlySet<number>;
  choose(chosen: ReadonlySet<number>): void;
}

export function AttentionLines({ tokens, weights, chosen, choose }: Props) {
  const T = tokens.length;
  const rows = chosen.size > 0 ? [...chosen].filter((i) => i < T) : tokens.map((_, i) => i);
  const lines = rows.flatMap((i) =>
    [...weights.subarray(i * T, (i + 1) * T)].flatMap((weight, j) => (weight >= LEAST ? [{ i, j, weight }] : [])),
  );
  /** What the chosen ones give to a token, on average. */
  const given = (j: number) => rows.reduce((sum, i) => sum + weights[i * T + j]!, 0) / rows.length;
  return (
    <div class="sight" style={{ '--size': T }}>
      <TokenRow label="Tokens that look" several {...{ tokens, chosen, choose }} />
      <svg viewBox={`0 0 ${WIDE} ${HIGH * T}`} preserveAspectRatio="none" aria-hidden="true" data-lines={lines.length}>
        {lines.map(({ i, j, weight }) => (
          <line
            key={i * T + j}
            x1={0}
            y1={HIGH * (i + 0.5)}
            x2={WIDE}
            y2={HIGH * (j + 0.5)}
            stroke-opacity={Math.sqrt(weight).toFixed(3)}
          />
        ))}
      </svg>
      <ol class="mono" aria-label="Tokens that are looked at">
        {tokens.map((token, j) => {
          const share = chosen.size > 0 ? given(j) : null;
          return (
            <li key={j} class="unit" data-share={share ?? undefined}>
              {token} {share !== null && share >= LEAST && <span class="soft">{share.toFixed(2)}</span>}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
