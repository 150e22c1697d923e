// A trace of direct preference optimization: the reference's log-probabilities, then a training whose log-probabilities and margins
// are compared at every step.

import { text } from '../../checkpoint/fields.ts';
import { preferTask } from '../../tasks/prefer.ts';
import { preferRows } from '../../tasks/prefer_rows.ts';
import type { HostArray } from '../../tensor/tensor.ts';
import { referenceLogProbabilities } from '../../train/reference.ts';
import { number, record } from './fields.ts';
import { tolerance } from './folder.ts';
import { load, type TraceRun } from './trace_run.ts';
import { tokenRows } from './trace_sft.ts';
import { checkSteps } from './trace_training.ts';
import type { Verdict } from './verdict.ts';

export async function checkPreference(run: TraceRun): Promise<Verdict[]> {
  const { machine, folder, trace, model, dtype, judge } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const check = record(description.get('check'), `${where}: check`);
  const compared = async (name: string, got: Float64Array) => {
    const { data } = await folder.tensor(`${trace.dir}/trace.safetensors`, name);
    return judge.compare(name, got, data, tolerance(check.get(name), `${where}: check.${name}`));
  };

  await load(run, text(description, 'initial', where));
  const answers = (side: string) =>
    tokenRows(run, { ids: `${side}_ids`, labels: `${side}_labels`, mask: `${side}_mask` });
  const [{ rows: chosen, steps, perStep }, { rows: rejected }] = [await answers('chosen'), await answers('rejected')];
  const pairs = chosen.map((row, i) => ({ chosen: row, rejected: rejected[i]! }));
  const reference = await referenceLogProbabilities(machine, model, pairs, { dtype });
  const rows = preferRows(pairs, reference, model);
  const task = preferTask({ beta: number(description, 'beta', where), dtype });
  const { verdicts, observed } = await checkSteps(run, {
    batches: Array.from({ length: steps }, (_, t) =>
      rows.batch(Array.from({ length: perStep }, (_, i) => t * perStep + i)),
    ),
    loss: (batch) => task.loss(model, batch),
  });
  const [policy, rewards] = [observed.get('logProbabilities')!, observed.get('rewards')!];
  return [
    ...verdicts,
    await compared('reference_chosen_logp', chosenOf([reference])),
    await compared('reference_rejected_logp', rejectedOf([reference])),
    await compared('policy_chosen_logp', chosenOf(policy)),
    await compared('policy_rejected_logp', rejectedOf(policy)),
    await compared(
      'reward_margin',
      chosenOf(rewards).map((reward, i) => reward - rejectedOf(rewards)[i]!),
    ),
  ];
}

/** Of figures of both answers, an array a step, those of the chosen ones. */
function chosenOf(steps: readonly HostArray[]): Float64Array {
  return Float64Array.from(steps.flatMap((step) => [...step])).filter((_, i) => i % 2 === 0);
}

function rejectedOf(steps: readonly HostArray[]): Float64Array {
  return Float64Array.from(steps.flatMap((step) => [...step])).filter((_, i) => i % 2 === 1);
}
