// The generation part of a trace: greedy tokens must be the same, and the logits behind each of them within tolerance. In f16 two
// tokens may be too near each other for that: there the reference's own tokens are followed, and the logits are compared.

import { text } from '../../checkpoint/fields.ts';
import { TokenGenerator } from '../../generate/generate.ts';
import { list } from './fields.ts';
import { type GoldenTensor, tolerance } from './folder.ts';
import { load, type TraceRun } from './trace_run.ts';
import type { Verdict } from './verdict.ts';

export async function checkGeneration(run: TraceRun): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const name of ['generation', 'generation_crop']) {
    if (run.trace.files.includes(`${name}.json`)) verdicts.push(...(await checkOne(run, name)));
  }
  return verdicts;
}

async function checkOne(run: TraceRun, name: string): Promise<Verdict[]> {
  const { folder, trace, judge } = run;
  const where = `${trace.dir}/${name}.json`;
  const description = await folder.json(where);
  const window = description.get('crop_window');
  await load(run, text(description, 'weights', where));
  const verdicts: Verdict[] = [];
  const prompts = list(description, 'prompts', where);
  for (let i = 0; i < prompts.length; i++) {
    const tensor = (part: string) => folder.tensor(`${trace.dir}/${name}.safetensors`, part + i);
    const [prompt, tokens, logits] = [await tensor('prompt'), await tensor('tokens'), await tensor('logits')];
    const limits = tolerance(prompts[i], `${where}: prompts[${i}]`);
    const seen = typeof window === 'number' ? window : null;
    if (run.dtype === 'f16') {
      const got = await behind(run, prompt, tokens, seen);
      verdicts.push(judge.compare(`${name}: logits ${i}`, got, logits.data, limits));
      continue;
    }
    const got = await greedy(run, prompt, tokens.data.length, seen);
    verdicts.push(judge.compare(`${name}: tokens ${i}`, got.tokens, tokens.data, { atol: 0, rtol: 0 }));
    verdicts.push(judge.compare(`${name}: logits ${i}`, got.logits, logits.data, limits));
  }
  return verdicts;
}

/** Greedy continuation. @param window each step sees at most the last so many tokens, at positions 0, 1, ... */
async function greedy({ machine, model }: TraceRun, prompt: GoldenTensor, count: number, window: number | null) {
  const V = model.vocabSize;
  const tokens: number[] = [];
  const logits = new Float32Array(count * V);
  const generator = new TokenGenerator(machine, model);
  try {
    const options = { temperature: 0, maxNewTokens: count, logits: true, ...(window !== null && { window }) };
    for await (const made of generator.generate([...(prompt.data as Int32Array)], options)) {
      logits.set(made.logits!, tokens.length * V);
      tokens.push(made.id);
    }
  } finally {
    generator.release();
  }
  return { tokens: Int32Array.from(tokens), logits };
}

/** Logits behind each of the reference's tokens. */
async function behind(
  { machine, model, dtype }: TraceRun,
  prompt: GoldenTensor,
  tokens: GoldenTensor,
  window: number | null,
): Promise<Float32Array> {
  const generator = new TokenGenerator(machine, model, dtype);
  const [seen, count] = [[...(prompt.data as Int32Array)], tokens.data.length];
  const logits = new Float32Array(count * model.vocabSize);
  try {
    for (let i = 0; i < count; i++) {
      logits.set(await generator.logits(seen, window ?? undefined), i * model.vocabSize);
      seen.push(Number(tokens.data[i]));
    }
  } finally {
    generator.release();
  }
  return logits;
}
