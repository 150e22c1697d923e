// What the model would guess after each layer.
import { Lens } from '../../../src/index.ts';
import type { LensCell } from '../../protocol/lens.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import { MOST_TOKENS } from './attention.ts';
import { Guesser } from './guesses.ts';
import type { Look } from './look.ts';

/** @throws InputError as Look.ids */
export async function lookThroughLens(look: Look, { text }: Asked<'lens'>): Promise<Answered<'lens'>> {
  const { machine, model, dtype } = look.run;
  const all = look.ids(text);
  const ids = all.slice(0, MOST_TOKENS);
  const lens = look.keep('lens', () => new Lens(machine, model, { dtype }));
  const guesser = new Guesser(look, ids);
  const layers: LensCell[][] = [];
  await lens.look(
    ids,
    (layer, at, logits) => {
      const { guesses, came } = guesser.say(logits, at);
      layers[layer] ??= [];
      layers[layer][at] = { guesses, came: came === null ? null : Math.exp(came) };
    },
    look.stopped,
  );
  return { tokens: look.shown(ids), of: all.length, layers };
}
