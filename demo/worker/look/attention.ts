// How the tokens of a text look at each other.
import { AttentionMaps } from '../../../src/index.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import type { Look } from './look.ts';

/** More would be no map that can be read. */
export const MOST_TOKENS = 128;

/** @throws InputError as Look.ids */
export async function lookAtAttention(look: Look, asked: Asked<'attention'>): Promise<Answered<'attention'>> {
  const { machine, model, dtype } = look.run;
  const all = look.ids(asked.text);
  const ids = all.slice(0, MOST_TOKENS);
  const maps = look.keep('attention', () => new AttentionMaps(machine, model, { dtype }));
  const layer = Math.min(asked.layer, maps.layers - 1);
  const heads = await maps.of(ids, layer);
  return { tokens: look.shown(ids), of: all.length, layers: maps.layers, layer, heads };
}
