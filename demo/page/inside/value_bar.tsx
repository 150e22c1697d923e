// What the colours of a picture mean, and what is said of all numbers of a tensor.

import { shortNumber } from '../../../src/cli/format.ts';
import { counted, grouped } from '../../../src/data/counted.ts';
import type { HeatMap } from '../../protocol/values.ts';
import { SignedBox } from './signed_box.tsx';

const PLACES = [-1, -0.5, 0, 0.5, 1];

export function SignedColours({ map: { scale, pool, cells, notFinite } }: { map: HeatMap }) {
  const beyond = cells.filter((value) => Number.isFinite(value) && Math.abs(value) > scale).length;
  return (
    <div class="colours">
      <ul class="mono" aria-label="What the colours mean: orange below zero, blue above">
        {PLACES.map((place) => (
          <li key={place}>
            <SignedBox value={place} /> {shortNumber(place * scale)}
          </li>
        ))}
      </ul>
      <p class="soft small">
        {pool[0] * pool[1] > 1 &&
          `Each square is the number of the largest size among ${pool[0]} \u00d7 ${pool[1]}, with its sign. `}
        The colours end where 99.9 % of the numbers do.
        {beyond > 0 && ` ${counted(beyond, 'square')} beyond, ringed.`}
        {notFinite > 0 && ` Magenta with a line: not a finite number.`}
      </p>
    </div>
  );
}

export function Statistics({ map: { least, most, mean, deviation, notFinite } }: { map: HeatMap }) {
  const shown: [string, string][] = [
    ['least', shortNumber(least)],
    ['most', shortNumber(most)],
    ['mean', shortNumber(mean)],
    ['deviation', shortNumber(deviation)],
    ['not finite', grouped(notFinite)],
  ];
  return (
    <dl class="statistics">
      {shown.map(([name, text]) => (
        <div key={name} data-statistic={name}>
          <dt class="soft">{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
