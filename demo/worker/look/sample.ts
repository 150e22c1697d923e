// What the run writes at a step, with its own prompt and seed.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';
import type { Look } from './look.ts';

export async function writeSample({ run, stopped }: Look): Promise<Answered<'sample'>> {
  if (!run.sample) throw new InputError('sample: this run gives none. Ask in the prompt box.');
  return { text: await run.sample(stopped) };
}
