// What a model found likeliest at one place, the likeliest first.
import type { Guess } from '../../protocol/tokens.ts';
import { tokenText } from './token_text.ts';

/** @param came the token that stands there in the text; null where none does */
export function GuessList({ guesses, came }: { guesses: readonly Guess[]; came: string | null }) {
  return (
    <ol class="guesses mono">
      {guesses.map(({ token, probability }, i) => (
        <li key={i} data-guess={token} data-probability={probability}>
          <span class={token === came ? 'right' : ''}>{tokenText(token)}</span>
          <i style={{ inlineSize: `${100 * probability}%` }} />
          <span>{probabilityText(probability)}</span>
        </li>
      ))}
    </ol>
  );
}

/** 0.4321 -> "43.2 %". */
export function probabilityText(probability: number): string {
  const percent = 100 * probability;
  return percent >= 0.05 || percent === 0 ? `${percent.toFixed(1)} %` : `${percent.toPrecision(1)} %`;
}
