// The generation part of a trace: greedy tokens must be the same, and the logits behind each of them within tolerance.
import { list, text } from './fields.ts';
import { type GoldenTensor, tolerance } from './folder.ts';
import { load, type TraceRun } from './trace_run.ts';
import { compare, type Verdict } from './verdict.ts';

export async function checkGeneration(run: TraceRun): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const name of ['generation', 'generation_crop']) {
    if (run.trace.files.includes(`${name}.json`)) verdicts.push(...(await checkOne(run, name)));
  }
  return verdicts;
}

async function checkOne(run: TraceRun, name: string): Promise<Verdict[]> {
  const { folder, trace } = run;
  const where = `${trace.dir}/${name}.json`;
  const description = await folder.json(where);
  const window = description.get('crop_window');
  await load(run, text(description, 'weights', where));
  const verdicts: Verdict[] = [];
  const prompts = list(description, 'prompts', where);
  for (let i = 0; i < prompts.length; i++) {
    const tensor = (part: string) => folder.tensor(`${trace.dir}/${name}.safetensors`, part + i);
    const [prompt, tokens, logits] = [await tensor('prompt'), await tensor('tokens'), await tensor('logits')];
    const got = await greedy(run, prompt, tokens.data.length, typeof window === 'number' ? window : null);
    const limits = tolerance(prompts[i], `${where}: prompts[${i}]`);
    verdicts.push(compare(`${name}: tokens ${i}`, got.tokens, tokens.data, { atol: 0, rtol: 0 }));
    verdicts.push(compare(`${name}: logits ${i}`, got.logits, logits.data, limits));
  }
  return verdicts;
}

/**
 * Greedy continuation. The text is filled up behind its end to a multiple of 16 tokens: a causal model's logits do not depend on
 * what follows, so a few plans serve every length.
 * @param window each step sees at most the last so many tokens, at positions 0, 1, ...
 */
async function greedy({ machine, model }: TraceRun, prompt: GoldenTensor, count: number, window: number | null) {
  const V = model.vocabSize;
  const sees = window ?? model.blockSize;
  const text = [...(prompt.data as Int32Array)];
  const tokens = new Int32Array(count);
  const logits = new Float32Array(count * V);
  const next = machine.compile(({ ids }) => ({ logits: model.head(model.hidden(ids!)) }));
  try {
    for (let i = 0; i < count; i++) {
      const seen = text.slice(-sees);
      const T = Math.min(16 * Math.ceil(seen.length / 16), model.blockSize);
      const data = new Int32Array(T);
      data.set(seen);
      const all = await (await next({ ids: { shape: [1, T], data } })).logits!.read();
      const last = all.slice((seen.length - 1) * V, seen.length * V);
      logits.set(last, i * V);
      tokens[i] = last.indexOf(Math.max(...last));
      text.push(tokens[i]!);
    }
  } finally {
    next.release();
  }
  return { tokens, logits };
}
