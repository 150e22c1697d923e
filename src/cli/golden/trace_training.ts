// The training part of a trace, of any kind: loss and gradient norm of every step, gradients of one, weights at the end.
import { backward } from '../../autograd/backward.ts';
import type { Batch, HostTensor } from '../../autograd/machine.ts';
import { text } from '../../checkpoint/fields.ts';
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { Trainable } from '../../nn/model.ts';
import { crossEntropy } from '../../ops/cross_entropy.ts';
import { AdamW } from '../../optim/adamw.ts';
import { seedOf } from '../../optim/optimizer.ts';
import type { TaskLoss } from '../../tasks/task.ts';
import type { HostArray, Precision, Tensor } from '../../tensor/tensor.ts';
import { type Fields, list, names, number, numbers, record } from './fields.ts';
import { tolerance } from './folder.ts';
import { load, type TraceParts, type TraceRun } from './trace_run.ts';
import type { Result, Verdict } from './verdict.ts';

/** What a trace trains on, whatever its kind, and what of it. */
export interface TraceTraining {
  /** A batch for each step. */
  batches: readonly Batch[];
  /** The loss of a batch, and what is observed of it: it is handed back for each step. */
  loss(batch: Record<string, Tensor>): Pick<TaskLoss, 'loss' | 'observed'>;
  /** What the optimizer moves, and what is compared at the end: by default all of the model's parameters. */
  parameters?: readonly Tensor[];
  /** The name of a parameter in the files of the trace, where it is not its own. */
  nameOf?(parameter: Tensor): string;
  /** Which gradients are compared: files, and keys under `check`. Default: those of the first step. */
  gradients?: readonly ('grads_step0' | 'grads_last')[];
}

/** A language model's training. */
export async function checkTraining(run: TraceRun): Promise<Verdict[]> {
  const { folder, trace, model, dtype } = run;
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const [ids, targets] = [batches(await tensor('input_ids')), batches(await tensor('targets'))];
  const start = await checkStart(run);
  const { verdicts } = await checkSteps(run, {
    batches: ids.map((each, t) => ({ ids: each, targets: targets[t]! })),
    loss: ({ ids, targets }) => crossEntropy(model.head(model.hidden(ids!, { dtype })), targets!),
  });
  return [start, ...verdicts];
}

/** Loads the weights that the trace starts with; a language model's logits for the first step's tokens. */
export async function checkStart(run: TraceRun): Promise<Verdict> {
  const where = `${run.trace.dir}/trace.json`;
  await load(run, text(await run.folder.json(where), 'initial', where));
  return await checkLogits(run);
}

/**
 * A language model's logits for the first step's tokens, with the weights that the machine holds.
 * @param name of the reference; the tolerance is that of the start   @param what in front of the name in the verdict
 */
export async function checkLogits(run: TraceRun, name = 'logits_step0', what = ''): Promise<Verdict> {
  const { folder, trace, model, dtype } = run;
  const { data } = await folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const ids = batches(await folder.tensor(`${trace.dir}/trace.safetensors`, 'input_ids'))[0]!;
  return await compareLogits(run, { ids }, ({ ids }) => model.head(model.hidden(ids!, { dtype })), data, what + name);
}

/** Logits of a batch, as any model gives them; the tolerance is that of the start. */
export async function compareLogits(
  { machine, folder, trace, judge }: TraceParts,
  batch: Batch,
  logits: (batch: Record<string, Tensor>) => Tensor,
  expected: TensorArray,
  name: string,
): Promise<Verdict> {
  const where = `${trace.dir}/trace.json`;
  const check = record((await folder.json(where)).get('check'), `${where}: check`);
  const limits = tolerance(check.get('logits_step0'), `${where}: check.logits_step0`);
  const forward = machine.compile((tensors) => ({ logits: logits(tensors) }));
  try {
    return judge.compare(name, await (await forward(batch)).logits!.read(), expected, limits);
  } finally {
    forward.release();
  }
}

/**
 * Trains as the trace did, from the weights that the machine holds: loss and gradient norm of every step, gradients of one, weights
 * at the end.     @returns beside the verdicts what was observed, by name, step by step
 */
export async function checkSteps(
  run: TraceRun<Trainable>,
  training: TraceTraining,
): Promise<{ verdicts: Verdict[]; observed: ReadonlyMap<string, readonly HostArray[]> }> {
  const { machine, folder, trace, model, dtype, judge } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const settings = record(description.get('hyperparameters'), `${where}: hyperparameters`);
  const check = record(description.get('check'), `${where}: check`);
  const steps = number(description, 'steps', where);
  const rates = numbers(settings, 'lr', where);
  const { parameters = model.parameters, nameOf = ({ name }) => name, gradients = ['grads_step0'] } = training;
  const trained = { parameters, nameOf };
  const verdicts: Verdict[] = [];

  const optimizer = optimizerOf(trained, settings, where, dtype);
  const observed = new Map<string, HostArray[]>();
  const step = machine.compile((batch) => {
    const task = training.loss(batch);
    for (const name of Object.keys(task.observed ?? {})) if (!observed.has(name)) observed.set(name, []);
    return { ...task.observed, loss: task.loss, ...optimizer.step(backward(task.loss, seedOf(optimizer))) };
  });
  try {
    const [losses, norms]: [number[], number[]] = [[], []];
    for (let t = 0; t < steps; t++) {
      const { lossScale } = await step(training.batches[t]!, { learningRate: rates[t]! });
      for (const file of gradients) {
        if (t !== (file === 'grads_step0' ? 0 : steps - 1)) continue;
        const factor = (await lossScale?.item()) ?? 1;
        verdicts.push(...(await gradientsOf(run, trained, optimizer, file, factor)));
      }
      if (t % 16 !== 15 && t + 1 !== steps) continue;
      for (const { values } of await step.collect()) {
        losses.push(values.loss![0]!);
        norms.push(values.gradNorm![0]!);
        for (const [name, list] of observed) list.push(values[name]!);
      }
    }
    for (const [name, got] of [
      ['loss', losses],
      ['grad_norm', norms],
    ] as const) {
      const { data } = await folder.tensor(`${trace.dir}/trace.safetensors`, `${name}_f64`);
      verdicts.push(
        judge.compare(name, Float64Array.from(got), data, tolerance(check.get(name), `${where}: check.${name}`)),
      );
    }
    verdicts.push(...(await finalWeights(run, trained, description, record(check.get('final'), where))));
    return { verdicts, observed };
  } finally {
    step.release();
    machine.release(optimizer.tensors());
  }
}

/** Adam's decay, where it has any, is part of its gradient. */
export const OPTIMIZERS = ['adamw', 'adam'] as const;

type Trained = Required<Pick<TraceTraining, 'parameters' | 'nameOf'>>;

function optimizerOf({ parameters, nameOf }: Trained, settings: Fields, where: string, dtype: Precision): AdamW {
  const [beta1, beta2] = numbers(settings, 'betas', where) as [number, number];
  const decaying = new Set(names(settings, 'decay_params', where));
  const clip = settings.get('clip') ?? null;
  return new AdamW(
    [
      {
        parameters: parameters.filter((p) => decaying.has(nameOf(p))),
        weightDecay: number(settings, 'weight_decay', where),
      },
      { parameters: parameters.filter((p) => !decaying.has(nameOf(p))), weightDecay: 0 },
    ],
    {
      beta1,
      beta2,
      eps: number(settings, 'eps', where),
      decoupled: text(settings, 'optimizer', where) === 'adamw',
      lossScale: dtype === 'f16',
      gradClip: clip === null ? null : number(settings, 'clip', where),
    },
  );
}

/** (steps,B,T) -> one (B,T) a step. */
export function batches({ shape, data }: { shape: readonly number[]; data: TensorArray }): HostTensor[] {
  const [steps, B, T] = shape as [number, number, number];
  return Array.from({ length: steps }, (_, t) => ({
    shape: [B, T],
    data: Int32Array.from((data as Int32Array).subarray(t * B * T, (t + 1) * B * T)),
  }));
}

/** Gradients of the step that has just run, before clipping. @param factor that they were multiplied with */
async function gradientsOf(
  { machine, folder, trace, judge }: TraceParts,
  { nameOf }: Trained,
  optimizer: AdamW,
  file: string,
  factor: number,
): Promise<Verdict[]> {
  const where = `${trace.dir}/trace.json`;
  const check = record(record((await folder.json(where)).get('check'), where).get(file), `${where}: check.${file}`);
  const verdicts: Verdict[] = [];
  for (const [parameter, gradient] of optimizer.gradients()) {
    const name = nameOf(parameter);
    const { data } = await folder.tensor(`${trace.dir}/${file}.safetensors`, name);
    const limits = tolerance(check.get(name), `${where}: check.${file}.${name}`);
    const got = Float64Array.from(await machine.read(gradient), (x) => x / factor);
    verdicts.push(judge.compare(`gradient of ${name}`, got, data, limits));
  }
  return verdicts;
}

/**
 * Weights after the last step, by the size of what training did to them: norm(x - ref) <= update_rel_tol * norm(ref - start).
 * Adam divides by the gradient's size, so a single element may differ by a whole step in a correct program.
 */
async function finalWeights(
  { machine, folder, trace, judge }: TraceParts,
  { parameters, nameOf }: Trained,
  description: Fields,
  check: Fields,
): Promise<Verdict[]> {
  const where = `${trace.dir}/trace.json`;
  const at = (key: string) => `${trace.dir}/${text(description, key, where)}`;
  const [start, final] = [at('initial'), at('final')];
  const before = new Map<string, TensorArray>();
  for (const name of parameters.map(nameOf)) before.set(name, (await folder.tensor(start, name)).data);
  const verdicts: Verdict[] = [];
  for (const parameter of parameters) {
    const name = nameOf(parameter);
    const limits = record(check.get(name), `${where}: check.final.${name}`);
    const excluded = exclusions(description, name, parameter, where);
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
function exclusions(description: Fields, name: string, { shape }: Tensor, where: string): (index: number) => boolean {
  const width = shape.at(-1) ?? 1;
  const ranges = (description.has('exclude_from_final') ? list(description, 'exclude_from_final', where) : [])
    .map((entry) => record(entry, `${where}: exclude_from_final`))
    .filter((entry) => entry.get('tensor') === name)
    .map((entry) => (entry.has('last_axis_range') ? numbers(entry, 'last_axis_range', where) : [0, width]));
  return (index) => ranges.some(([from, to]) => index % width >= from! && index % width < to!);
}
