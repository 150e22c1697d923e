// Cases of the optimizer: ten steps of AdamW, and clipping by the global norm.
import type { Machine } from '../../autograd/machine.ts';
import { mul } from '../../ops/mul.ts';
import { constant } from '../../ops/op.ts';
import { gate, globalNorm } from '../../ops/optimizer.ts';
import { sum } from '../../ops/sum.ts';
import { AdamW } from '../../optim/adamw.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type Fields, flag, number } from './fields.ts';
import type { GoldenTensor, KernelCase } from './folder.ts';
import { parameter, readAll } from './kernel_case.ts';
import type { Result } from './verdict.ts';

export type OptimizerCase = (
  machine: Machine,
  test: KernelCase,
  given: ReadonlyMap<string, GoldenTensor>,
) => Promise<Map<string, Result>>;

export const optimizerCases: ReadonlyMap<string, { refuses?(attrs: Fields): string | null; run: OptimizerCase }> =
  new Map([
    ['adamw', { run: adamw }],
    ['clip_grad_norm', { refuses: foreignNorm, run: clip }],
  ]);

const at = 'attrs';

/** p after each step, m and v after the last. */
async function adamw(machine: Machine, { attrs }: KernelCase, given: ReadonlyMap<string, GoldenTensor>) {
  const { shape, data } = given.get('p')!;
  const p = parameter('p', shape, data as Float32Array);
  const optimizer = new AdamW([{ parameters: [p], weightDecay: number(attrs, 'weight_decay', at) }], {
    beta1: number(attrs, 'beta1', at),
    beta2: number(attrs, 'beta2', at),
    eps: number(attrs, 'eps', at),
    decoupled: flag(attrs, 'decoupled', at),
    gradClip: null,
  });
  const step = machine.compile(({ gradient }) => ({ p, ...optimizer.step(new Map([[p, gradient!]])) }));
  try {
    const rates = given.get('lr')!.data;
    const steps = rates.length;
    const after = new Float32Array(steps * p.size);
    for (let t = 0; t < steps; t++) {
      const gradient = (given.get('grads')!.data as Float32Array).subarray(t * p.size, (t + 1) * p.size);
      const learningRate = Number(rates[t]);
      const results = await step({ gradient: { shape, data: gradient } }, { learningRate });
      after.set((await results.p!.read()) as Float32Array, t * p.size);
    }
    const state = optimizer.state();
    const [m, v] = [await machine.read(state.get('m.p')!), await machine.read(state.get('v.p')!)];
    return new Map<string, Result>([
      ['p_steps', after],
      ['m', m],
      ['v', v],
    ]);
  } finally {
    step.release();
    machine.release([p, ...optimizer.tensors()]);
  }
}

function foreignNorm(attrs: Fields): string | null {
  if (attrs.get('norm_type') !== 2) return `norm_type ${attrs.get('norm_type')}: only the Euclidean norm is here`;
  return attrs.get('eps') === 1e-6 ? null : `eps ${attrs.get('eps')}: the factor uses 1e-6, as PyTorch does`;
}

/** One norm over all tensors, and each of them times the factor that an optimizer step would apply. */
async function clip(machine: Machine, { attrs, inputs }: KernelCase, given: ReadonlyMap<string, GoldenTensor>) {
  const maxNorm = number(attrs, 'max_norm', at);
  const tensors = inputs.map((name) => parameter(name, given.get(name)!.shape, given.get(name)!.data as Float32Array));
  const control = new Tensor({ kind: 'state', shape: [4], name: 'control' });
  const compiled = machine.compile(() => {
    const norm = globalNorm(tensors);
    const decision = gate(norm, control, { maxNorm, beta1: 0, beta2: 0, latch: true });
    const factor = sum(
      mul(
        decision,
        constant('second', [4], () => Float32Array.of(0, 1, 0, 0)),
      ),
    );
    return { norm, ...Object.fromEntries(tensors.map((t) => [`clipped_${t.name}`, mul(t, factor)])) };
  });
  try {
    return await readAll(await compiled({}));
  } finally {
    compiled.release();
    machine.release([...tensors, control]);
  }
}
