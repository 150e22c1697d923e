// The texts of one group of sources, side by side until all have ended: each source has a beam search of its own, or one row that takes
// the most probable token.
import { BeamSearch } from './beam.ts';
import type { Decoder } from './decoder.ts';
import { followBeams } from './follow_beams.ts';
import { refuseNaN } from './sampling.ts';

export interface Translation {
  /** Without beginning and end. */
  ids: number[];
  /** As that of BeamText: the end counts, where it came. */
  score: number;
  /** Whether its end came before the most tokens that were asked for. */
  ended: boolean;
}

/** What is written from a group. */
export interface Asked {
  sources: readonly (readonly number[])[];
  /** New tokens of each at most, the end among them. */
  mostNew: readonly number[];
  beams: number;
  lengthPenalty: number | undefined;
  vocabSize: number;
  bosId: number;
  eosId: number;
  stopped: () => boolean;
}

/** @param decoder has read the sources; the rows of source s are s * beams and the next     @throws InputError where the model gives NaN */
export async function writeBeams(decoder: Decoder, asked: Asked): Promise<Translation[]> {
  const { sources, beams, lengthPenalty, bosId, eosId } = asked;
  const searches = sources.map(() => new BeamSearch({ beams, lengthPenalty, eosId }));
  await followBeams(decoder, searches, { ...asked, prompt: [bosId] });
  return searches.map((search) => {
    const [best] = search.results();
    return translation(best?.ids ?? [], best?.score ?? 0, eosId);
  });
}

/** The same for one row a source, whose tokens are chosen on the machine. */
export async function writeGreedy(decoder: Decoder, asked: Asked): Promise<Translation[]> {
  const { sources, mostNew, lengthPenalty = 1, eosId, stopped } = asked;
  const texts = sources.map(() => ({ ids: [] as number[], sum: 0 }));
  const open = new Set(texts.keys());
  const longest = Math.max(...mostNew);
  const starts = Array.from({ length: decoder.rows }, () => 0);
  let ahead = await decoder.feedScored(starts);
  for (let written = 1; ; written++) {
    const reading = ahead();
    reading.catch(() => {});
    if (written < longest) {
      for (const s of open) starts[s] = written;
      ahead = await decoder.feedScored(starts);
    }
    const { tokens, logProbabilities } = await reading;
    for (const s of open) {
      const id = refuseNaN(tokens[s]!);
      texts[s]!.ids.push(id);
      texts[s]!.sum += logProbabilities[s]!;
      if (id !== eosId && written < mostNew[s]!) continue;
      open.delete(s);
      starts[s] = 0;
    }
    if (open.size === 0 || stopped()) break;
  }
  return texts.map(({ ids, sum }) => translation(ids, sum / ids.length ** lengthPenalty, eosId));
}

function translation(ids: readonly number[], score: number, eosId: number): Translation {
  const ended = ids.at(-1) === eosId;
  return { ids: ended ? ids.slice(0, -1) : [...ids], score, ended };
}
