// A trace: one whole training run of a model from PyTorch, done again here and compared part by part. It counts as one case, and the
// worst of its parts is its verdict.
import type { Machine } from '../../autograd/machine.ts';
import { parseGpt2Config } from '../../checkpoint/gpt2_config.ts';
import { GPT2 } from '../../nn/gpt2.ts';
import { record, text } from './fields.ts';
import type { GoldenFolder, TraceCase } from './folder.ts';
import { checkGeneration } from './trace_generation.ts';
import type { TraceRun } from './trace_run.ts';
import { checkTraining } from './trace_training.ts';
import { checkOtherFiles } from './trace_weights.ts';
import { type Verdict, worstOf } from './verdict.ts';

/** Why a trace cannot be run, or null. */
export async function whyNotTrace(folder: GoldenFolder, { kind, dir }: TraceCase): Promise<string | null> {
  if (kind !== 'pretrain') return `training of the kind ${kind} is not here yet`;
  const family = text(await folder.json(`${dir}/config.json`), 'model_type', `${dir}/config.json`);
  if (family !== 'gpt2') return `models of the family ${family} are not here yet`;
  const where = `${dir}/trace.json`;
  const optimizer = record((await folder.json(where)).get('hyperparameters'), where).get('optimizer');
  return optimizer === 'adamw' ? null : `the optimizer ${optimizer} is not here yet`;
}

export async function runTrace(machine: Machine, folder: GoldenFolder, trace: TraceCase): Promise<Verdict> {
  const config = parseGpt2Config(await folder.text(`${trace.dir}/config.json`), `${trace.dir}/config.json`);
  const model = new GPT2(config, { seed: 0 });
  const run: TraceRun = { machine, folder, trace, model };
  try {
    const verdicts = [...(await checkTraining(run)), ...(await checkGeneration(run)), ...(await checkOtherFiles(run))];
    return worstOf(verdicts);
  } finally {
    machine.release(model.parameters);
  }
}
