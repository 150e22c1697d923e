// The training of a classifier: its scores at every step, and all else that any training is compared by; what is frozen must stay.

import { text } from '../../checkpoint/fields.ts';
import { Classifier, type Pooling, poolWeights } from '../../nn/classifier.ts';
import { freezeParts } from '../../optim/frozen.ts';
import { classifyTask } from '../../tasks/classify.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { names, number, record } from './fields.ts';
import { FolderError, type GoldenTensor, tolerance } from './folder.ts';
import type { TraceRun } from './trace_run.ts';
import { batches, checkSteps } from './trace_training.ts';
import { compare, type Verdict } from './verdict.ts';

/** Its scores have a name of their own there. */
const nameOf = ({ name }: Tensor) => name.replace(/^score\./, 'out_head.');

export async function checkClassification(run: TraceRun): Promise<Verdict[]> {
  const { machine, folder, trace, model, dtype, judge } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const start = `${trace.dir}/${text(description, 'initial', where)}`;
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const [labels, lengths, inputs] = [
    await tensor('labels'),
    await tensor('lengths'),
    batches(await tensor('input_ids')),
  ];
  const { shape } = await folder.tensor(start, 'out_head.weight');
  const classifier = new Classifier(model, {
    labels: Array.from({ length: shape[0]! }, (_, i) => `LABEL_${i}`),
    pooling: poolingOf(trace.trace),
    padId: number(description, 'pad_token_id', where),
    bias: true,
    seed: 0,
  });
  freezeParts(classifier.parameters, 'last-block');
  const [frozen, trained] = [false, true].map((is) => classifier.parameters.filter((p) => p.trainable === is));
  const expected = names(description, 'trainable', where);
  if (trained!.map(nameOf).sort().join() !== expected.sort().join())
    throw new FolderError(`${where}: trainable: found other parameters than the last block, ln_f and out_head.`);
  const task = classifyTask({ dtype });
  try {
    for (const parameter of classifier.parameters)
      machine.write(parameter, (await folder.tensor(start, nameOf(parameter))).data as Float32Array);
    const { verdicts, observed } = await checkSteps(run, {
      batches: inputs.map((ids, t) => {
        const [B, T] = ids.shape as [number, number];
        return {
          inputs: ids,
          pool: { shape: [B, 1, T], data: poolWeights(classifier.pooling, ofStep(lengths, t), T) },
          labels: { shape: [B], data: Int32Array.from(ofStep(labels, t)) },
        };
      }),
      loss: (batch) => task.loss(classifier, batch),
      parameters: trained!,
      nameOf,
    });
    const logits = Float64Array.from(observed.get('logits')!.flatMap((each) => [...each]));
    const check = record(description.get('check'), `${where}: check`).get('class_logits');
    const { data } = await tensor('class_logits');
    verdicts.push(judge.compare('class_logits', logits, data, tolerance(check, `${where}: check.class_logits`)));
    for (const parameter of frozen!) {
      const before = (await folder.tensor(start, nameOf(parameter))).data;
      verdicts.push(compare(`frozen ${parameter.name}`, await machine.read(parameter), before, { atol: 0, rtol: 0 }));
    }
    return verdicts;
  } finally {
    machine.release(classifier.parameters);
  }
}

/** Traces are named by it. */
function poolingOf(name: string): Pooling {
  return name.endsWith('last_position') ? 'last-position' : 'last-token';
}

/** (steps,B) -> (B) */
function ofStep({ shape, data }: GoldenTensor, t: number): number[] {
  const B = shape[1]!;
  return Array.from({ length: B }, (_, row) => Number(data[t * B + row]));
}
