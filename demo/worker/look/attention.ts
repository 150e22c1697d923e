// How the tokens of a text look at each other.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function lookAtAttention(): Promise<Answered<'attention'>> {
  throw new InputError('attention: not here yet.');
}
