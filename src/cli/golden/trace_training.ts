// The training part of a trace: logits and gradients at the start, loss and gradient norm of every step, weights at the end.
import { backward } from '../../autograd/backward.ts';
import type { HostTensor } from '../../autograd/machine.ts';
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import { crossEntropy } from '../../ops/cross_entropy.ts';
import { AdamW } from '../../optim/adamw.ts';
import { seedOf } from '../../optim/optimizer.ts';
import type { Precision, Tensor } from '../../tensor/tensor.ts';
import { type Fields, list, names, number, numbers, record, text } from './fields.ts';
import { tolerance } from './folder.ts';
import { load, type TraceRun } from './trace_run.ts';
import type { Result, Verdict } from './verdict.ts';

export async function checkTraining(run: TraceRun): Promise<Verdict[]> {
  const { machine, folder, trace, model, dtype, judge } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const settings = record(description.get('hyperparameters'), `${where}: hyperparameters`);
  const check = record(description.get('check'), `${where}: check`);
  const steps = number(description, 'steps', where);
  const rates = numbers(settings, 'lr', where);
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const limits = (name: string) => tolerance(check.get(name), `${where}: check.${name}`);
  const verdicts: Verdict[] = [];

  await load(run, text(description, 'initial', where));
  const optimizer = optimizerOf(model.parameters, settings, where, dtype);
  const forward = machine.compile(({ ids }) => ({ logits: model.head(model.hidden(ids!, { dtype })) }));
  const step = machine.compile(({ ids, targets }) => {
    const { loss } = crossEntropy(model.head(model.hidden(ids!, { dtype })), targets!);
    return { loss, ...optimizer.step(backward(loss, seedOf(optimizer))) };
  });
  try {
    const ids = batches(await tensor('input_ids'));
    const targets = batches(await tensor('targets'));
    const { logits } = await forward({ ids: ids[0]! });
    verdicts.push(
      judge.compare('logits_step0', await logits!.read(), (await tensor('logits_step0')).data, limits('logits_step0')),
    );

    const losses: number[] = [];
    const norms: number[] = [];
    for (let t = 0; t < steps; t++) {
      const { lossScale } = await step({ ids: ids[t]!, targets: targets[t]! }, { learningRate: rates[t]! });
      if (t === 0) {
        const factor = (await lossScale?.item()) ?? 1;
        verdicts.push(...(await gradients(run, optimizer, factor, record(check.get('grads_step0'), where))));
      }
      if (t % 16 !== 15 && t + 1 !== steps) continue;
      for (const { values } of await step.collect()) {
        losses.push(values.loss![0]!);
        norms.push(values.gradNorm![0]!);
      }
    }
    verdicts.push(judge.compare('loss', Float64Array.from(losses), (await tensor('loss_f64')).data, limits('loss')));
    verdicts.push(
      judge.compare('grad_norm', Float64Array.from(norms), (await tensor('grad_norm_f64')).data, limits('grad_norm')),
    );
    verdicts.push(...(await finalWeights(run, description, record(check.get('final'), where))));
    return verdicts;
  } finally {
    forward.release();
    step.release();
    machine.release(optimizer.tensors());
  }
}

function optimizerOf(parameters: readonly Tensor[], settings: Fields, where: string, dtype: Precision): AdamW {
  const [beta1, beta2] = numbers(settings, 'betas', where) as [number, number];
  const decaying = new Set(names(settings, 'decay_params', where));
  const clip = settings.get('clip') ?? null;
  return new AdamW(
    [
      {
        parameters: parameters.filter((p) => decaying.has(p.name)),
        weightDecay: number(settings, 'weight_decay', where),
      },
      { parameters: parameters.filter((p) => !decaying.has(p.name)), weightDecay: 0 },
    ],
    {
      beta1,
      beta2,
      eps: number(settings, 'eps', where),
      lossScale: dtype === 'f16',
      gradClip: clip === null ? null : number(settings, 'clip', where),
    },
  );
}

/** (steps,B,T) -> one (B,T) a step. */
function batches({ shape, data }: { shape: readonly number[]; data: TensorArray }): HostTensor[] {
  const [steps, B, T] = shape as [number, number, number];
  return Array.from({ length: steps }, (_, t) => ({
    shape: [B, T],
    data: Int32Array.from((data as Int32Array).subarray(t * B * T, (t + 1) * B * T)),
  }));
}

/** Gradients of the step that has just run, before clipping. @param factor that they were multiplied with */
async function gradients(
  { machine, folder, trace, judge }: TraceRun,
  optimizer: AdamW,
  factor: number,
  check: Fields,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [parameter, gradient] of optimizer.gradients()) {
    const { data } = await folder.tensor(`${trace.dir}/grads_step0.safetensors`, parameter.name);
    const limits = tolerance(check.get(parameter.name), `${trace.dir}/trace.json: check.grads_step0.${parameter.name}`);
    const got = Float64Array.from(await machine.read(gradient), (x) => x / factor);
    verdicts.push(judge.compare(`gradient of ${parameter.name}`, got, data, limits));
  }
  return verdicts;
}

/**
 * Weights after the last step, by the size of what training did to them: norm(x - ref) <= update_rel_tol * norm(ref - start).
 * Adam divides by the gradient's size, so a single element may differ by a whole step in a correct program.
 */
async function finalWeights(
  { machine, folder, trace, model, judge }: TraceRun,
  description: Fields,
  check: Fields,
): Promise<Verdict[]> {
  const where = `${trace.dir}/trace.json`;
  const at = (key: string) => `${trace.dir}/${text(description, key, where)}`;
  const [start, final] = [at('initial'), at('final')];
  const before = new Map<string, TensorArray>();
  for (const { name } of model.parameters) before.set(name, (await folder.tensor(start, name)).data);
  const verdicts: Verdict[] = [];
  for (const parameter of model.parameters) {
    const { name } = parameter;
    const limits = record(check.get(name), `${where}: check.final.${name}`);
    const excluded = exclusions(description, parameter, where);
    const reference = (await folder.tensor(final, name)).data;
    const got: Result = await machine.read(parameter);
    let difference = 0;
    let update = 0;
    for (let i = 0; i < got.length; i++) {
      if (excluded(i)) continue;
      difference += (got[i]! - Number(reference[i])) ** 2;
      update += (Number(reference[i]) - Number(before.get(name)![i])) ** 2;
    }
    const off = Math.sqrt(difference);
    const share = number(limits, 'update_rel_tol', `${where}: check.final.${name}`);
    const allowed = share * Math.sqrt(update) + judge.more(`final ${name}`, off, Math.sqrt(update));
    const worst = off === 0 ? 0 : off / allowed;
    verdicts.push({ worst, detail: `final ${name}: off by ${off}, allowed ${allowed}` });
  }
  return verdicts;
}

/** Elements whose exact gradient is 0: what an optimizer makes of their rounding noise says nothing. */
function exclusions(description: Fields, { name, shape }: Tensor, where: string): (index: number) => boolean {
  const width = shape.at(-1) ?? 1;
  const ranges = (description.has('exclude_from_final') ? list(description, 'exclude_from_final', where) : [])
    .map((entry) => record(entry, `${where}: exclude_from_final`))
    .filter((entry) => entry.get('tensor') === name)
    .map((entry) => (entry.has('last_axis_range') ? numbers(entry, 'last_axis_range', where) : [0, width]));
  return (index) => ranges.some(([from, to]) => index % width >= from! && index % width < to!);
}
