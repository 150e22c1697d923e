// The run's own model against the CPU twin: loss and every gradient of one batch, by the very kernels and shapes that it trains with.
import { backward, type Device, languageTask, type Tensor, Twin } from '../../src/index.ts';
import type { CheckedCase } from '../protocol.ts';
import { PageRun, type RunSpec } from './run.ts';

const NAME = 'loss and gradients of this model';
/** Share of the largest value of a gradient by which any of its values may differ: sums of some thousand products in f32. */
const TOLERANCE = 1e-5;
/** A larger model's batch takes the twin too long. Multiplications of weights with tokens. */
const MOST_WORK = 5e9;

/** On a fresh model: what has been trained stays out of it. */
export async function checkModel(device: Device, spec: RunSpec): Promise<CheckedCase> {
  const run = new PageRun({ machine: device, device, twin: null }, spec);
  const { model } = run.parts;
  const batch = run.nextBatches()[0]!;
  const parameters = model.parameters.reduce((sum, { size }) => sum + size, 0);
  if (parameters * batch.inputs!.data.length > MOST_WORK)
    return { name: NAME, ok: null, worst: null, detail: 'the model is too large for the CPU twin to follow' };
  if (spec.settings.dtype === 'f16')
    return { name: NAME, ok: null, worst: null, detail: 'it computes in f16, where the twin rounds otherwise' };
  const task = languageTask();
  const fn = (inputs: Record<string, Tensor>): Record<string, Tensor> => {
    const { loss } = task.loss(model, inputs);
    const gradients = [...backward(loss)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
    return { loss, ...Object.fromEntries(gradients) };
  };
  const [mine, theirs] = [device.compile(fn), new Twin().compile(fn)];
  try {
    const [got, expected] = [await mine(batch), await theirs(batch)];
    let worst: CheckedCase = { name: NAME, ok: true, worst: 0, detail: '' };
    for (const [name, output] of Object.entries(got)) {
      const [values, references] = [await output.read(), (await expected[name]!.read()) as Float32Array];
      const allowed = TOLERANCE * references.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
      for (let i = 0; i < values.length; i++) {
        const error = Math.abs(values[i]! - references[i]!) / allowed;
        if (error <= worst.worst!) continue;
        const detail = `${name}[${i}]: got ${values[i]}, the twin ${references[i]}`;
        worst = { name: NAME, ok: error <= 1, worst: Number.isFinite(error) ? error : null, detail };
        if (Number.isNaN(error)) return { ...worst, ok: false };
      }
    }
    return worst;
  } finally {
    mine.release();
    device.release(model.parameters);
  }
}
