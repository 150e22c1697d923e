// How surprised a model is by each token of a text.
import { InputError, Lens } from '../../../src/index.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import type { LookedToken } from '../../protocol/tokens.ts';
import { Guesser } from './guesses.ts';
import type { Look } from './look.ts';

/** @throws InputError for a text of fewer than two tokens, and as Look.ids */
export async function lookAtTokens(look: Look, { text }: Asked<'tokens'>): Promise<Answered<'tokens'>> {
  const { machine, model, dtype } = look.run;
  const ids = look.ids(text);
  if (ids.length < 2)
    throw new InputError(
      `text: found ${ids.length === 1 ? 'one token' : 'no token'}, expected at least 2: each is guessed from those before it. Type more.`,
    );
  const lens = look.keep('tokens', () => new Lens(machine, model, { dtype, layers: 'last' }));
  const guesser = new Guesser(look, ids);
  const tokens: LookedToken[] = look.shown(ids).map((shown) => ({ text: shown, loss: null, guesses: [] }));
  await lens.look(
    ids,
    (_, at, logits) => {
      const { guesses, came } = guesser.say(logits, at);
      if (came !== null) tokens[at + 1] = { text: tokens[at + 1]!.text, loss: -came, guesses };
    },
    look.stopped,
  );
  const total = tokens.reduce((sum, { loss }) => sum + (loss ?? 0), 0);
  return { tokens, loss: total / (tokens.length - 1) };
}
