// A trace: one whole training run of a model from PyTorch, done again here and compared part by part. It counts as one case, and the
// worst of its parts is its verdict.
import type { Machine } from '../../autograd/machine.ts';
import { parseModelConfig } from '../../checkpoint/model_config.ts';
import { FAMILIES, makeModel } from '../../nn/families.ts';
import { Twin } from '../../reference/twin.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { record, text } from './fields.ts';
import type { GoldenFolder, TraceCase } from './folder.ts';
import { Judge } from './judge.ts';
import { checkClassification } from './trace_classification.ts';
import { checkPreference } from './trace_dpo.ts';
import { checkGeneration } from './trace_generation.ts';
import { checkLora } from './trace_lora.ts';
import type { TraceRun } from './trace_run.ts';
import { checkInstruction } from './trace_sft.ts';
import { checkTraining } from './trace_training.ts';
import { checkOtherFiles } from './trace_weights.ts';
import { type Verdict, worstOf } from './verdict.ts';

/** What is compared of a trace, by its kind. */
const KINDS = new Map<string, (run: TraceRun) => Promise<Verdict[]>>([
  [
    'pretrain',
    async (run) => [...(await checkTraining(run)), ...(await checkGeneration(run)), ...(await checkOtherFiles(run))],
  ],
  ['classification', checkClassification],
  ['dpo', checkPreference],
  ['lora', checkLora],
  ['sft', checkInstruction],
]);

/** Why a trace cannot be run, or null. */
export async function whyNotTrace(
  folder: GoldenFolder,
  { kind, dir }: TraceCase,
  dtype: Precision,
): Promise<string | null> {
  if (!KINDS.has(kind)) return `training of the kind ${kind} is not here yet`;
  // MOST_STORAGE is derived for a mean over every position. A loss of few sums has another ceiling.
  if (dtype === 'f16' && kind !== 'pretrain') return 'what f16 may cost is derived for pretraining';
  const family = text(await folder.json(`${dir}/config.json`), 'model_type', `${dir}/config.json`);
  if (!FAMILIES.some((known) => known === family)) return `models of the family ${family} are not here yet`;
  const where = `${dir}/trace.json`;
  const optimizer = record((await folder.json(where)).get('hyperparameters'), where).get('optimizer');
  return optimizer === 'adamw' ? null : `the optimizer ${optimizer} is not here yet`;
}

/**
 * @param dtype of values between layers; in f16 the twin runs the trace first, which tells what storage costs, see STORAGE_FACTOR and MOST_STORAGE
 */
export async function runTrace(
  machine: Machine,
  folder: GoldenFolder,
  trace: TraceCase,
  dtype: Precision,
): Promise<Verdict> {
  if (dtype === 'f32') return await runOnce(machine, folder, trace, dtype, new Judge());
  const rounded = new Judge();
  await runOnce(new Twin(), folder, trace, dtype, rounded);
  const verdict = await runOnce(machine, folder, trace, dtype, new Judge(rounded.distances));
  return worstOf([verdict, ...rounded.ceilings()]);
}

async function runOnce(
  machine: Machine,
  folder: GoldenFolder,
  trace: TraceCase,
  dtype: Precision,
  judge: Judge,
): Promise<Verdict> {
  const where = `${trace.dir}/config.json`;
  const model = makeModel(parseModelConfig(await folder.text(where), where).config, { seed: 0 });
  const run: TraceRun = { machine, folder, trace, model, dtype, judge };
  try {
    return worstOf(await KINDS.get(trace.kind)!(run));
  } finally {
    machine.release(model.parameters);
  }
}
