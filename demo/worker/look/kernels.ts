// One step, dispatch by dispatch.
import {
  boundBytes,
  firstNotFinite,
  InputError,
  kernelText,
  type SeenValue,
  type StepDispatch,
  tooLargeToCopy,
  valuesOfDispatch,
} from '../../../src/index.ts';
import type { DispatchValue, ListedDispatch } from '../../protocol/kernels.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import type { Look } from './look.ts';
import { deviceOf, nextStep, partOf } from './step.ts';

/** Values of a tensor that are shown. */
const HEAD = 8;

export async function listDispatches(look: Look): Promise<Answered<'dispatches'>> {
  const { ofStep, step } = nextStep(look);
  return { ofStep, dispatches: step.dispatches.map(listed) };
}

/** @throws InputError for a number that no dispatch has */
export async function openDispatch(look: Look, { index }: Asked<'dispatch'>): Promise<Answered<'dispatch'>> {
  const { ofStep, step } = nextStep(look);
  const found = step.dispatches[index];
  if (!found)
    throw new InputError(`dispatch: found ${index}, expected a number below ${step.dispatches.length}. Choose one.`);
  const { code, ...text } = kernelText(found.dispatch, step.replays[found.replay]!.plan.uniforms);
  const told = { ...listed(found, index), ...text, ofStep, wgsl: code };
  const refused = tooLargeToCopy(step.replays);
  if (refused) return { ...told, values: [], refused };
  try {
    const values = await valuesOfDispatch(deviceOf(look), step, index);
    return { ...told, values: values.map(shown), refused: null };
  } catch (error) {
    // The text is of use without them.
    if (error instanceof InputError) return { ...told, values: [], refused: error.message };
    throw error;
  }
}

export async function findNotFinite(look: Look): Promise<Answered<'notFinite'>> {
  return { index: await firstNotFinite(deviceOf(look), nextStep(look).step) };
}

function listed({ dispatch, times }: StepDispatch, index: number): ListedDispatch {
  const { kernel, op, scope, workgroups, bindings } = dispatch;
  const written = bindings.filter(({ access, value }) => access === 'read_write' && value);
  const shapes = written.map(({ value }) => value!.shape.join('\u00d7'));
  return {
    ...{ index, kernel, op, scope, times, shapes },
    part: partOf(dispatch),
    grid: workgroups,
    bytes: boundBytes(dispatch),
  };
}

function shown({ name, tensor, at, written, values, before, compared, why }: SeenValue): DispatchValue {
  const { shape, dtype, size } = tensor;
  const head = (all: ArrayLike<number>) => Array.from({ length: Math.min(HEAD, all.length) }, (_, i) => all[i]!);
  return {
    ...{ name, shape, dtype, written, why, index: at },
    value: tensor.name || name,
    bytes: size * (dtype === 'f16' ? 2 : 4),
    head: head(values),
    before: before && head(before),
    twin: compared && {
      head: head(compared.values),
      difference: compared.difference,
      tolerance: compared.tolerance,
      relative: compared.relative,
      terms: compared.terms,
    },
  };
}
