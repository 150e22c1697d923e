// A trace of instruction tuning: rows whose prompts are not trained on, as our own batches and task have them.

import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { TokenRow } from '../../data/instruct/encoded_rows.ts';
import { instructRows } from '../../tasks/instruct.ts';
import { languageTask } from '../../tasks/language.ts';
import type { TraceRun } from './trace_run.ts';
import { checkStart, checkSteps } from './trace_training.ts';
import type { Verdict } from './verdict.ts';

export async function checkInstruction(run: TraceRun): Promise<Verdict[]> {
  const { model, dtype } = run;
  const { rows, steps, perStep } = await tokenRows(run, { ids: 'input_ids', labels: 'labels', mask: 'attention_mask' });
  const all = instructRows(rows, model);
  const task = languageTask({ dtype });
  const start = await checkStart(run);
  const { verdicts } = await checkSteps(run, {
    batches: Array.from({ length: steps }, (_, t) =>
      all.batch(Array.from({ length: perStep }, (_, b) => t * perStep + b)),
    ),
    loss: (batch) => task.loss(model, batch),
  });
  return [start, ...verdicts];
}

/** The rows of all steps, without their padding. @param names of tensors (steps,B,T) */
export async function tokenRows(
  { folder, trace }: TraceRun,
  names: { ids: string; labels: string; mask: string },
): Promise<{ rows: TokenRow[]; steps: number; perStep: number }> {
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const { shape, data: ids } = await tensor(names.ids);
  const [labels, mask] = [(await tensor(names.labels)).data, (await tensor(names.mask)).data];
  const [steps, perStep, T] = shape as [number, number, number];
  const numbers = (values: TensorArray, row: number) => Array.from(values.subarray(row * T, (row + 1) * T), Number);
  const rows = Array.from({ length: steps * perStep }, (_, i) => {
    const length = numbers(mask, i).reduce((sum, one) => sum + one, 0);
    return {
      where: `${trace.dir}: row ${i + 1}`,
      ids: Int32Array.from(numbers(ids, i).slice(0, length)),
      // Labels stand at their own token, not at the one before.
      trained: Uint8Array.from(numbers(labels, i).slice(0, length), (label) => (label >= 0 ? 1 : 0)),
    };
  });
  return { rows, steps, perStep };
}
