// Weights, gradients and activations as heat maps.
import { InputError } from '../../../src/index.ts';
import type { Answered } from '../../protocol/questions.ts';

export async function listTensors(): Promise<Answered<'tensors'>> {
  throw new InputError('tensors: not here yet.');
}

export async function lookAtValues(): Promise<Answered<'values'>> {
  throw new InputError('values: not here yet.');
}

export async function openCell(): Promise<Answered<'cell'>> {
  throw new InputError('cell: not here yet.');
}
