// What each part of the model costs of a step.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function sharesOfStep(): Promise<Answered<'shares'>> {
  throw new InputError('shares: not here yet.');
}
