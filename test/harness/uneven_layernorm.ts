// A call of layer norm that tells whether measuring works: what is slow is known, and what is wrong.
import { layernormOp } from '../../src/ops/layernorm.ts';
import type { Form, Op } from '../../src/ops/op.ts';
import type { TuneCase } from '../../src/tune/shapes.ts';

/** Layer norm whose first form is slow, the second as it is, the third fast and wrong: it leaves out most rows. */
export function unevenLayernorm(): TuneCase {
  const named = (name: string) => layernormOp.forms.find((form) => form.name === name) as Form<unknown>;
  const [vec4, row] = [named('row_vec4'), named('row')];
  const slow: Form<unknown> = {
    ...vec4,
    dispatches: (...site) =>
      Array(24)
        .fill(vec4.dispatches(...site))
        .flat(),
  };
  const wrong: Form<unknown> = {
    name: 'wrong',
    dispatches: (...site) => row.dispatches(...site).map((d) => ({ ...d, sizes: { ...d.sizes, R: 8 }, threads: [8] })),
  };
  const op = { ...layernormOp, forms: [slow, row, wrong] } as Op<unknown>;
  return { op, name: '256x64', attrs: { eps: 1e-5 }, inputs: { x: [256, 64], weight: [64], bias: [64] } };
}
