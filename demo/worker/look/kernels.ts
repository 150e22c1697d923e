// One step, dispatch by dispatch.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function listDispatches(): Promise<Answered<'dispatches'>> {
  throw new InputError('dispatches: not here yet.');
}

export async function openDispatch(): Promise<Answered<'dispatch'>> {
  throw new InputError('dispatch: not here yet.');
}
