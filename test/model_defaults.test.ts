// What a new model and its optimizer start from, when nothing else is said.
import { expect, test } from 'vitest';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { AdamW } from '../src/optim/adamw.ts';

const sizes = { vocabSize: 300, blockSize: 64, nEmbd: 64, nLayer: 8, nHead: 4 };

function deviationOf(model: GPT2, name: string): number {
  const values = model.parameters.find((p) => p.name === `transformer.${name}`)!.firstValues() as Float32Array;
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
}

test('weights start as nanoGPT has them: 0.02, and less where they feed the residual stream', () => {
  const model = new GPT2(gpt2Config(sizes), { seed: 1 });
  for (const name of ['wte.weight', 'wpe.weight', 'h.0.attn.c_attn.weight', 'h.7.mlp.c_fc.weight']) {
    expect(deviationOf(model, name) / 0.02, name).toBeCloseTo(1, 1);
  }
  for (const name of ['h.0.attn.c_proj.weight', 'h.7.mlp.c_proj.weight']) {
    expect(deviationOf(model, name) / (0.02 / Math.sqrt(2 * sizes.nLayer)), name).toBeCloseTo(1, 1);
  }
});

test('biases start at 0 and norms at 1', () => {
  const model = new GPT2(gpt2Config(sizes), { seed: 1 });
  const first = (name: string) => model.parameters.find((p) => p.name === `transformer.${name}`)!.init?.()[0] ?? 0;
  expect([first('h.0.attn.c_attn.bias'), first('ln_f.bias'), first('ln_f.weight'), first('h.3.ln_1.weight')]).toEqual([
    0, 0, 1, 1,
  ]);
});

test('a larger scale is a setting, and another seed is another model', () => {
  const wide = new GPT2(gpt2Config({ ...sizes, initializerRange: 0.08 }), { seed: 1 });
  expect(deviationOf(wide, 'wte.weight') / 0.08).toBeCloseTo(1, 1);
  const wte = (seed: number) => new GPT2(gpt2Config(sizes), { seed }).parameters[0]!.firstValues()!.slice(0, 8);
  expect(wte(1)).toEqual(wte(1));
  expect(wte(1)).not.toEqual(wte(2));
});

test('AdamW decays matrices, and neither biases nor norms', () => {
  const { groups } = new AdamW(new GPT2(gpt2Config(sizes), { seed: 1 }).parameters, { weightDecay: 0.1 });
  const decayOf = (name: string) =>
    groups.find((g) => g.parameters.some((p) => p.name === `transformer.${name}`))?.weightDecay;
  expect(['wte.weight', 'wpe.weight', 'h.0.attn.c_attn.weight', 'h.7.mlp.c_proj.weight'].map(decayOf)).toEqual([
    0.1, 0.1, 0.1, 0.1,
  ]);
  expect(['h.0.attn.c_attn.bias', 'ln_f.weight', 'h.3.ln_2.bias'].map(decayOf)).toEqual([0, 0, 0]);
});
