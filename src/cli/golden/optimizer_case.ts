// Cases of the optimizers: steps of AdamW and of Muon, and clipping by the global norm.
import type { Machine } from '../../autograd/machine.ts';
import { flag, text } from '../../checkpoint/fields.ts';
import { CONTROL, gate } from '../../ops/gate.ts';
import { mul } from '../../ops/mul.ts';
import { constant } from '../../ops/op.ts';
import { globalNorm } from '../../ops/optimizer.ts';
import { NEWTON_SCHULZ, orthogonalize } from '../../ops/orthogonalize.ts';
import { sum } from '../../ops/sum.ts';
import { AdamW } from '../../optim/adamw.ts';
import { Muon } from '../../optim/muon.ts';
import type { Optimizer } from '../../optim/optimizer.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type Fields, number, numbers } from './fields.ts';
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
    ['muon', { refuses: foreignMuon, run: muon }],
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
  return steps(machine, p, optimizer, given, { m: 'm.p', v: 'v.p' });
}

function foreignMuon(attrs: Fields): string | null {
  const { a, b, c, eps } = NEWTON_SCHULZ;
  const coefficients = numbers(attrs, 'ns_coefficients', at);
  if (coefficients.join() !== [a, b, c].join())
    return `ns_coefficients ${coefficients.join(', ')}: only ${a}, ${b}, ${c} are here`;
  if (attrs.get('ns_eps') !== eps) return `ns_eps ${attrs.get('ns_eps')}: Muon uses ${eps}`;
  const factor = text(attrs, 'update_scale', at);
  return factor === 'sqrt(max(1, rows/cols))' ? null : `update_scale ${factor} is not here`;
}

/** The first gradient orthogonalized, p after each step, the momentum after the last. */
async function muon(machine: Machine, { attrs }: KernelCase, given: ReadonlyMap<string, GoldenTensor>) {
  const { shape, data } = given.get('p')!;
  const newtonSchulzSteps = number(attrs, 'ns_steps', at);
  const first = parameter('g', shape, (given.get('grads')!.data as Float32Array).slice(0, data.length));
  const alone = machine.compile(() => ({ orthogonalized_grad0: orthogonalize(first, newtonSchulzSteps) }));
  const p = parameter('p', shape, data as Float32Array);
  const optimizer = new Muon([p], {
    momentum: number(attrs, 'momentum', at),
    nesterov: flag(attrs, 'nesterov', at),
    weightDecay: number(attrs, 'weight_decay', at),
    newtonSchulzSteps,
  });
  try {
    const orthogonal = await readAll(await alone({}));
    return new Map([...orthogonal, ...(await steps(machine, p, optimizer, given, { momentum_buffer: 'momentum.p' }))]);
  } finally {
    alone.release();
    machine.release([first]);
  }
}

/**
 * A step for each learning rate of the case. Releases parameter and optimizer.
 * @param state golden name -> name in the optimizer's state
 * @returns p_steps, p after each step, and that state after the last
 */
async function steps(
  machine: Machine,
  p: Tensor,
  optimizer: Optimizer,
  given: ReadonlyMap<string, GoldenTensor>,
  state: Readonly<Record<string, string>>,
): Promise<Map<string, Result>> {
  const step = machine.compile(({ gradient }) => ({ p, ...optimizer.step(new Map([[p, gradient!]])) }));
  try {
    const rates = given.get('lr')!.data;
    const after = new Float32Array(rates.length * p.size);
    for (let t = 0; t < rates.length; t++) {
      const gradient = (given.get('grads')!.data as Float32Array).subarray(t * p.size, (t + 1) * p.size);
      const learningRate = Number(rates[t]);
      const results = await step({ gradient: { shape: p.shape, data: gradient } }, { learningRate });
      after.set((await results.p!.read()) as Float32Array, t * p.size);
    }
    const results = new Map<string, Result>([['p_steps', after]]);
    const held = optimizer.state();
    for (const [golden, name] of Object.entries(state)) results.set(golden, await machine.read(held.get(name)!));
    return results;
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
  const control = new Tensor({ kind: 'state', shape: [CONTROL], name: 'control' });
  const compiled = machine.compile(() => {
    const norm = globalNorm(tensors);
    const { gate: decision } = gate({ norm, control }, { maxNorm, beta1: 0, beta2: 0, latch: true });
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
