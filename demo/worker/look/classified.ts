// Which class a text has.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function classifyText(): Promise<Answered<'classified'>> {
  throw new InputError('classified: not here yet.');
}
