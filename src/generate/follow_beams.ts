// Beam searches over one decoder, side by side until all have ended: each has some rows in turn.

import type { BeamSearch } from './beam.ts';
import { BeamRows } from './beam_rows.ts';
import type { Decoder } from './decoder.ts';
import { likeliest } from './likeliest.ts';

export interface Followed {
  /** What stands before all texts. */
  prompt: readonly number[];
  /** Rows of each search. */
  beams: number;
  /** New tokens of each search at most. */
  mostNew: readonly number[];
  vocabSize: number;
  /** Asked after each token; true ends the searches with what there is. */
  stopped: () => boolean;
}

/**
 * @param decoder holds nothing yet; the rows of search s are s * beams and the next. Rows of no search are idle.
 * @throws InputError where the model gives NaN
 */
export async function followBeams(
  decoder: Decoder,
  searches: readonly BeamSearch[],
  { prompt, beams, mostNew, vocabSize: V, stopped }: Followed,
): Promise<void> {
  const places = searches.map(() => new BeamRows(beams));
  const open = new Set(searches.keys());
  const rows = Array.from({ length: decoder.rows }, (_, b) => b);
  const zeros = rows.map(() => 0);
  // The prompt stands in every row: what is moved later begins behind it.
  let out = await decoder.feed(
    rows.map(() => prompt),
    zeros,
    'logits',
    { rows, begin: zeros },
  );
  for (let written = 1; ; written++) {
    const logits = (await out.read()) as Float32Array;
    /** What each row reads next; an idle one reads anything, and looks at nothing else. */
    const next = rows.map((): number | null => null);
    const [from, begin] = [[...rows], [...zeros]];
    for (const s of open) {
      const [search, place, first] = [searches[s]!, places[s]!, s * beams];
      const before = search.live.map(({ ids }) => ids);
      const row = (b: number) => logits.subarray((first + b) * V, (first + b + 1) * V);
      const parents = search.advance(place.of.map((b) => likeliest(row(b), search.candidates)));
      if (search.done || written === mostNew[s]) {
        open.delete(s);
        continue;
      }
      for (const copied of place.advance(parents, before)) {
        from[first + copied.row] = first + copied.from;
        begin[first + copied.row] = prompt.length + copied.begin;
      }
      search.live.forEach(({ ids }, i) => {
        next[first + place.of[i]!] = ids.at(-1)!;
      });
    }
    if (open.size === 0 || stopped()) return;
    const filled = prompt.length + written - 1;
    out = await decoder.feed(
      next.map((id) => [id ?? prompt[0]!]),
      next.map((id) => (id === null ? 0 : filled)),
      'logits',
      { rows: from, begin },
    );
  }
}
