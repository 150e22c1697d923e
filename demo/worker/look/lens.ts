// What the model would guess after each layer.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function lookThroughLens(): Promise<Answered<'lens'>> {
  throw new InputError('lens: not here yet.');
}
