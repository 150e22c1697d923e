// How surprised a model is by each token of a text.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function lookAtTokens(): Promise<Answered<'tokens'>> {
  throw new InputError('tokens: not here yet.');
}
