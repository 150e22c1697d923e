// What gradient accumulation needs beside a backward pass that adds onto state: the totals of a mean, and starting over.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape } from './op.ts';

export const tallyOp = defineOp<null>({
  name: 'tally',
  outputs: ({ loss, kept, totals }) => {
    expectShape('tally', 'loss', loss!, [1]);
    expectShape('tally', 'kept', kept!, [1]);
    expectShape('tally', 'totals', totals!, [2]);
    return {};
  },
  writes: ['totals'],
  forms: [{ name: 'plain', dispatches: () => [{ kernel: 'tally', sizes: {}, threads: [1] }] }],
  backward: 'not differentiable',
});

/**
 * totals += (loss * kept, kept), so that the mean over batches with unequal masks weighs every target alike.
 * loss (1): a mean over kept (1) targets; totals (2): state
 */
export function tally(totals: Tensor, loss: Tensor, kept: Tensor): void {
  currentTape().push(tallyOp, { loss, kept, totals }, null);
}

export const zeroOp = defineOp<null>({
  name: 'zero',
  outputs: () => ({}),
  writes: ['y'],
  forms: [
    {
      name: 'fill',
      dispatches: ({ inputs: { y } }) => [{ kernel: 'fill', sizes: { N: y!.size, value: 0 }, threads: [y!.size] }],
    },
  ],
  backward: 'not differentiable',
});

/** Every element of the state y becomes 0. */
export function zero(y: Tensor): void {
  currentTape().push(zeroOp, { y }, null);
}
