// The twin's gradients against the slopes of its loss: its analytic derivatives and its forward pass say the same.
import { expect } from 'vitest';
import type { Batch } from '../../src/autograd/machine.ts';
import type { Twin, TwinCompiled } from '../../src/reference/twin.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/**
 * Moves one element of each parameter, the middle one, up and down.
 * @param compiled gives `loss` and, by the name of each parameter, its gradient
 */
export async function expectSlopes(
  twin: Twin,
  compiled: TwinCompiled,
  batch: Batch,
  parameters: readonly Tensor[],
): Promise<void> {
  const analytic = await compiled(batch);
  for (const parameter of parameters) {
    const values = twin.exact(parameter) as Float64Array;
    const at = values.length >> 1;
    const lossWith = async (step: number) => {
      const moved = values.slice();
      moved[at]! += step;
      twin.write(parameter, moved);
      return (await compiled(batch)).loss!.exact[0]!;
    };
    const slope = ((await lossWith(1e-5)) - (await lossWith(-1e-5))) / 2e-5;
    twin.write(parameter, values);
    expect(Math.abs(slope - analytic[parameter.name]!.exact[at]!), parameter.name).toBeLessThan(1e-8);
  }
}
