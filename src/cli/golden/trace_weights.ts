// The same weights in other files: under the hub's bare names, and in half precision. What is loaded must be equal to the bit.
import { openWeights } from '../../checkpoint/huggingface.ts';
import { weightParts } from '../../checkpoint/weights.ts';
import { wholesOf } from '../../tensor/pieces.ts';
import type { TraceRun } from './trace_run.ts';
import { compare, type Verdict } from './verdict.ts';

/** File, and where the values stand that a loader must get from it: a file and what its names begin with. */
const others = [
  { file: 'model_hub_names.safetensors', expected: 'model.safetensors', prefix: '' },
  { file: 'model_bf16.safetensors', expected: 'model_halves_expected.safetensors', prefix: 'bf16/' },
  { file: 'model_f16.safetensors', expected: 'model_halves_expected.safetensors', prefix: 'f16/' },
];

export async function checkOtherFiles({ folder, trace, model }: TraceRun): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { file, expected, prefix } of others) {
    if (!trace.files.includes(file)) continue;
    const source = await folder.weights(`${trace.dir}/${file}`);
    const weights = await openWeights([source], wholesOf(model.parameters));
    for await (const { name, start, data } of weightParts(weights)) {
      const reference = await folder.tensor(`${trace.dir}/${expected}`, prefix + name);
      const part = reference.data.subarray(start, start + data.length);
      verdicts.push(compare(`${file}: ${name}`, data, part, { atol: 0, rtol: 0 }));
    }
  }
  return verdicts;
}
