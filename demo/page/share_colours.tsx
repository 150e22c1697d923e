// What the colours of shares mean, of attention and of probabilities: 0..1 in cividis, by the square root, so that small ones are seen.
import { cividis } from './cividis.ts';

/** Shares whose colours are shown. */
const SHOWN = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];

/** @param what that is coloured @param empty what has no colour */
export function ShareColours({ what, empty }: { what: string; empty?: string }) {
  return (
    <ul class="scale mono" aria-label={`${what}, coloured by its square root from 0 to 1`}>
      {SHOWN.map((share) => (
        <li key={share}>
          <i style={{ backgroundColor: cividis(Math.sqrt(share)) }} /> {share}
        </li>
      ))}
      <li>by the square root{empty && `; ${empty}`}</li>
    </ul>
  );
}
