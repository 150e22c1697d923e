// A trace of an adapter: what is trained and what stays as it was, and the same merged into the base.

import { text } from '../../checkpoint/fields.ts';
import { openWeights } from '../../checkpoint/huggingface.ts';
import { parsePeftConfig } from '../../checkpoint/peft_config.ts';
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { Weights } from '../../checkpoint/weights.ts';
import { weightParts } from '../../checkpoint/weights.ts';
import { mergeAdapter } from '../../nn/lora_merge.ts';
import { crossEntropy } from '../../ops/cross_entropy.ts';
import { wholesOf } from '../../tensor/pieces.ts';
import { adaptedBy, loadAdapterWeights } from '../../train/adapter_files.ts';
import { load, type TraceRun } from './trace_run.ts';
import { batches, checkLogits, checkSteps } from './trace_training.ts';
import type { Verdict } from './verdict.ts';

/** The base's weights in their files. */
const BASE = 'base.safetensors';
/** A sum of two numbers that are rounded once each: W and the product that is added, of which the reference keeps all digits. */
const MERGED = { atol: 1e-8, rtol: 2 ** -22 };

export async function checkLora(run: TraceRun): Promise<Verdict[]> {
  const { machine, folder, trace, model, dtype, judge } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const configName = `${trace.dir}/${text(description, 'peft_config', where)}`;
  const config = parsePeftConfig(await folder.text(configName), configName);
  const adapted = adaptedBy(model, { config, configName });
  const { parameters } = adapted.adapter;
  const own = { ...run, model: adapted };
  const loadAdapter = async (key: string) =>
    loadAdapterWeights(machine, adapted.adapter, await folder.weights(`${trace.dir}/${text(description, key, where)}`));
  const reference = async (file: string): Promise<Weights> =>
    openWeights([await folder.weights(`${trace.dir}/${file}`)], wholesOf(model.parameters));
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  try {
    await load(run, BASE);
    await loadAdapter('initial');
    const verdicts = [await checkLogits(own)];
    const [ids, targets] = [batches(await tensor('input_ids')), batches(await tensor('targets'))];
    const steps = await checkSteps(own, {
      parameters,
      batches: ids.map((each, t) => ({ ids: each, targets: targets[t]! })),
      loss: ({ ids, targets }) => crossEntropy(adapted.head(adapted.hidden(ids!, { dtype })), targets!),
      gradients: ['grads_step0', 'grads_last'],
    });
    verdicts.push(...steps.verdicts);
    verdicts.push(...(await checkBase('base', await reference(BASE), { atol: 0, rtol: 0 })));
    await loadAdapter('final');
    verdicts.push(await checkLogits(own, 'logits_final_batch0'));
    await mergeAdapter(machine, adapted.adapter);
    verdicts.push(...(await checkBase('merged', await reference('merged.safetensors'), MERGED)));
    verdicts.push(await checkLogits(run, 'logits_final_batch0', 'merged: '));
    return verdicts;
  } finally {
    machine.release(parameters);
  }

  /** The base's parameters as the machine holds them now. */
  async function checkBase(name: string, weights: Weights, limits: { atol: number; rtol: number }): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    const held = new Map<string, TensorArray>();
    for (const parameter of model.parameters) held.set(parameter.name, (await machine.read(parameter)) as Float32Array);
    for await (const { name: tensor, start, data } of weightParts(weights)) {
      const got = held.get(tensor)!.subarray(start, start + data.length) as Float32Array;
      verdicts.push(judge.compare(`${name} ${tensor}`, got, data, limits));
    }
    return verdicts;
  }
}
