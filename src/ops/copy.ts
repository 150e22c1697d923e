// Copying. The planner inserts a copy where a value cannot share the storage it should end up in.
import { storedBytes } from '../tensor/stored.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, type Dispatch, defineOp, expectShape, expectType } from './op.ts';

/** y = x, word by word, whatever the type. What lies behind an odd number of halves is nobody's. */
export function copyDispatch(x: Tensor): Dispatch {
  const N = storedBytes(x.size, x.dtype) / 4;
  return { kernel: 'copy', sizes: { N }, threads: [N] };
}

export const assignOp = defineOp<null>({
  name: 'assign',
  outputs: ({ state, value }) => {
    expectShape('assign', 'value', value!, state!.shape);
    expectType('assign', 'value', value!, state!.dtype);
    return {};
  },
  writes: ['state'],
  forms: [
    {
      name: 'copy',
      dispatches: ({ inputs }) => [{ ...copyDispatch(inputs.value!), bind: { x: inputs.value!, y: inputs.state! } }],
    },
  ],
  backward: 'not differentiable',
});

/**
 * Overwrites `state` with `value`. Where it can, the planner has `value` computed in the state's own storage.
 * @throws InputError if their shapes or types differ
 */
export function assign(state: Tensor, value: Tensor): void {
  currentTape().push(assignOp, { state, value }, null);
}
