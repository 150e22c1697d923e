// LoRA adapters: which layers they are for, what they compute, what they cost, and that a base is shared by all of them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Machine } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { type Family, familyRow, makeModel } from '../src/nn/families.ts';
import { type Adapted, type LoraOptions, lora } from '../src/nn/lora.ts';
import { mergeAdapter, unmergeAdapter } from '../src/nn/lora_merge.ts';
import type { ForwardOptions, LanguageModel } from '../src/nn/model.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { seedOf } from '../src/optim/optimizer.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan, type Plan } from '../src/schedule/plan.ts';
import { languageTask } from '../src/tasks/language.ts';
import { normal } from '../src/tensor/random.ts';
import { alignSlab } from '../src/tensor/slab.ts';
import { bytesOf, type HostArray, type Precision, type Tensor } from '../src/tensor/tensor.ts';
import { memoryOf } from '../src/train/memory.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectClose } from './harness/op_compare.ts';

let device: Device;
beforeAll(async () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(adapter ? { adapter } : {});
});
afterAll(() => device.close());

const FAMILIES: readonly Family[] = ['gpt2', 'llama', 'qwen3', 'gemma3_text'];
const V = 40;

function small(family: Family = 'llama', linearDtype: Precision = 'f32'): LanguageModel {
  const config = familyRow(family).chosen({
    vocabSize: V,
    blockSize: 16,
    nEmbd: 16,
    nLayer: 2,
    nHead: 4,
    kvHeads: family === 'gpt2' ? 4 : 2,
    initializerRange: 0.3,
    tieWordEmbeddings: true,
    bias: family === 'gpt2',
  });
  return makeModel(config, { seed: 7, linearDtype });
}

const ids = Int32Array.from({ length: 12 }, (_, i) => (7 * i + 3) % V);
const inputs = { shape: [2, 6], data: ids };
const batch = { inputs, targets: { shape: [2, 6], data: ids.map((id) => (id + 5) % V) } };

async function logitsOf(machine: Machine, model: LanguageModel, options: ForwardOptions = {}): Promise<HostArray> {
  const run = machine.compile((given) => ({ logits: model.head(model.hidden(given.inputs!, options)) }));
  const { logits } = await run({ inputs });
  const read = await logits!.read();
  run.release();
  return read;
}

/** Every tensor of an adapter with values of its own, so that it changes what the model computes. */
function fill(machine: Machine, { adapter }: Adapted, seed = 3): void {
  for (const [i, tensor] of adapter.parameters.entries()) machine.write(tensor, normal(tensor.size, 0.3, seed, i));
}

const everywhere = { r: 2, alpha: 3, targets: ['all-linear'], seed: 1 };

describe.each(FAMILIES)('%s', (family) => {
  test('a new adapter changes nothing', async () => {
    const base = small(family);
    const adapted = lora(base, everywhere);
    expect(await logitsOf(device, adapted)).toEqual(await logitsOf(device, base));
    device.release([...base.parameters, ...adapted.adapter.parameters]);
  });

  test('merged, the base computes what the adapted model did; taken out, what it did itself', async () => {
    const base = small(family);
    const adapted = lora(base, everywhere);
    fill(device, adapted);
    const [alone, expected] = [await logitsOf(device, base), await logitsOf(device, adapted)];
    expect(farthest(alone, expected)).toBeGreaterThan(0.1);
    await mergeAdapter(device, adapted.adapter);
    expectClose('logits', await logitsOf(device, base), expected, 2e-5);
    await unmergeAdapter(device, adapted.adapter);
    expectClose('logits', await logitsOf(device, base), alone, 2e-5);
    device.release([...base.parameters, ...adapted.adapter.parameters]);
  });

  test('in f16 it is what it is in f32, as far as f16 goes', async () => {
    const base = small(family);
    const adapted = lora(base, everywhere);
    const twin = new Twin();
    fill(twin, adapted);
    const exact = await logitsOf(twin, adapted);
    const run = twin.compile((given) => ({ logits: adapted.head(adapted.hidden(given.inputs!, { dtype: 'f16' })) }));
    expectClose('logits', await (await run({ inputs })).logits!.read(), exact, 0.02);
    expect(await logitsOf(twin, adapted, { dtype: 'f16' })).not.toEqual(exact);
  });

  test('only its own matrices get gradients, and a step moves nothing else', async () => {
    const base = small(family);
    const adapted = lora(base, { seed: 1 });
    const twin = new Twin();
    fill(twin, adapted);
    fill(device, adapted);
    const before = await Promise.all(base.parameters.map((p) => device.read(p)));
    const [expected, got] = [await trained(twin, adapted, 2), await trained(device, adapted, 2)];
    expect([...got.keys()]).toEqual(['loss', ...adapted.adapter.parameters.map(({ name }) => name)]);
    for (const [name, values] of expected) expectClose(name, got.get(name)!, values, 2e-4);
    expect(await Promise.all(base.parameters.map((p) => device.read(p)))).toEqual(before);
    device.release([...base.parameters, ...adapted.adapter.parameters]);
  });
});

function farthest(a: HostArray, b: HostArray): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

/** The loss of the last of some steps, and the matrices after it. */
async function trained(
  machine: Machine,
  adapted: Adapted,
  steps: number,
  options: ForwardOptions = {},
): Promise<Map<string, HostArray>> {
  const optimizer = new AdamW(adapted.adapter.parameters, { weightDecay: 0 });
  const task = languageTask(options);
  const step = machine.compile((given) => {
    const { loss } = task.loss(adapted, given);
    const gradients = backward(loss, seedOf(optimizer));
    expect([...gradients.keys()].sort(byName)).toEqual([...adapted.adapter.parameters].sort(byName));
    return { loss, ...optimizer.step(gradients) };
  });
  const result = new Map<string, HostArray>();
  for (let t = 0; t < steps; t++) {
    const { loss } = await step(batch, { learningRate: 0.01, ...task.scalars?.(t) });
    result.set('loss', await loss!.read());
  }
  for (const parameter of adapted.adapter.parameters) result.set(parameter.name, await machine.read(parameter));
  step.release();
  machine.release(optimizer.tensors());
  return result;
}

const byName = (a: Tensor, b: Tensor) => (a.name < b.name ? -1 : 1);

test('the product beside a weight is scaled by alpha / r, with rslora by alpha / sqrt(r)', () => {
  const scales = (options: Partial<LoraOptions>) =>
    [...lora(small(), { seed: 1, ...options }).adapter.layers.values()].map(({ lora }) => lora.scale);
  expect(new Set(scales({ r: 4, alpha: 6 }))).toEqual(new Set([1.5]));
  expect(new Set(scales({ r: 4, alpha: 6, rslora: true }))).toEqual(new Set([3]));
  expect(new Set(scales({}))).toEqual(new Set([2]));
});

test('A begins uniform within 1 / sqrt(in), another in every layer, B with zeros', () => {
  const make = (seed: number) => lora(small('gpt2'), { r: 16, targets: ['mlp.c_proj'], seed }).adapter.parameters;
  const [a, b, next] = make(1) as [Tensor, Tensor, Tensor];
  expect([a.shape, b.shape]).toEqual([
    [16, 64],
    [16, 16],
  ]);
  const values = a.init!() as Float32Array;
  const [largest, mean] = [
    farthest(
      values,
      values.map(() => 0),
    ),
    values.reduce((sum, x) => sum + x, 0) / values.length,
  ];
  expect(largest).toBeLessThanOrEqual(1 / 8);
  expect(largest).toBeGreaterThan(0.99 / 8);
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(make(1)[0]!.init!()).toEqual(values);
  expect(make(2)[0]!.init!()).not.toEqual(values);
  expect(next.init!()).not.toEqual(values);
  expect(b.firstValues()).toBeNull();
});

test('several adapters share their base: each view computes its own, and the base lies in memory once', async () => {
  const base = small();
  const views = [lora(base, everywhere), lora(base, { ...everywhere, r: 4, seed: 2 })] as const;
  for (const [i, view] of views.entries()) fill(device, view, 10 + i);
  const together = [
    await logitsOf(device, views[0]),
    await logitsOf(device, views[1]),
    await logitsOf(device, views[0]),
  ];
  expect(together[2]).toEqual(together[0]);
  expect(farthest(together[0]!, together[1]!)).toBeGreaterThan(0.1);
  for (const [i, view] of views.entries()) {
    const alone = lora(small(), { ...everywhere, r: view.adapter.config.r });
    fill(device, alone, 10 + i);
    expect(await logitsOf(device, alone)).toEqual(together[i]);
    device.release([...alone.parameters, ...alone.adapter.parameters]);
  }
  const held = (model: LanguageModel) =>
    planOf((given) => ({ logits: model.head(model.hidden(given.inputs!)) })).persistent;
  const slabs = ({ parameters }: { readonly parameters: readonly Tensor[] }) => parameters.map((p) => p.slab ?? p);
  const all = new Set([...held(views[0]), ...held(views[1]), ...held(base)]);
  expect(all).toEqual(new Set([...slabs(base), ...slabs(views[0].adapter), ...slabs(views[1].adapter)]));
  device.release([...base.parameters, ...views.flatMap((view) => view.adapter.parameters)]);
});

function planOf(fn: Parameters<typeof graphOf>[0]): Plan {
  return makePlan(graphOf(fn, batch), { ...leastCapabilities, features: new Set(['shader-f16']) });
}

test('gradients and moments take the bytes of the adapter, whatever the base has', () => {
  const adapted = lora(small(), everywhere);
  const optimizer = new AdamW(adapted.adapter.parameters, {});
  const trainer = new Trainer({ machine: device, model: adapted, optimizer, task: languageTask() });
  const { bytes } = memoryOf([planOf(trainer.stepFunction)]);
  const numbers = adapted.adapter.parameters.reduce((sum, { size }) => sum + alignSlab(size), 0);
  const slab = Math.ceil(bytesOf(numbers, 'f32') / 256) * 256;
  expect(bytes.gradients).toBe(slab);
  // Two moments, and the gate's own state beside them.
  expect(bytes.optimizer - 2 * slab).toBe(256);
  const all = adapted.parameters.reduce((sum, { size }) => sum + alignSlab(size), 0);
  expect(bytes.parameters).toBe(bytesOf(all - numbers, 'f32') + slab);
  trainer.release();
});

test('a frozen base stored in f16 takes half the memory for its matrices, and a run in f16 computes the same bits', async (context) => {
  const machines: Machine[] = device.capabilities.features.has('shader-f16') ? [new Twin(), device] : [new Twin()];
  for (const machine of machines) {
    const runs = await Promise.all(
      (['f32', 'f16'] as const).map(async (linearDtype) => {
        const adapted = lora(small('gpt2', linearDtype), everywhere);
        fill(machine, adapted);
        const result = await trained(machine, adapted, 2, { dtype: 'f16' });
        machine.release([...adapted.parameters, ...adapted.adapter.parameters]);
        return result;
      }),
    );
    expect(runs[1]).toEqual(runs[0]);
  }
  const bytes = (linearDtype: Precision) => {
    const model = small('gpt2', linearDtype);
    return memoryOf([planOf(({ inputs }) => ({ y: model.hidden(inputs!, { dtype: 'f16' }) }))]).bytes.parameters;
  };
  const matrices = [...small('gpt2').linears.values()].reduce((sum, { weight }) => sum + weight.size, 0);
  expect(bytes('f32') - bytes('f16')).toBe(2 * matrices);
  if (machines.length < 2) context.skip('this adapter has no shader-f16');
});

test('into a base stored in f16 it is merged as far as f16 goes', async () => {
  const twin = new Twin();
  const adapted = lora(small('gpt2', 'f16'), everywhere);
  fill(twin, adapted);
  const expected = await logitsOf(twin, adapted, { dtype: 'f16' });
  await mergeAdapter(twin, adapted.adapter);
  const base = adapted.withLinears(new Map([...adapted.linears].map(([name, { lora: _, ...own }]) => [name, own])));
  const merged = await logitsOf(twin, base, { dtype: 'f16' });
  expectClose('logits', merged, expected, 0.02);
  expect(merged).not.toEqual(expected);
});

describe('dropout', () => {
  const dropping = { ...everywhere, dropout: 0.5 };
  const given = { dropout: { p: 0, seed: 5 } };

  test('of the adapter alone: other masks every step, the same on every machine, none outside of training', async () => {
    const adapted = lora(small(), dropping);
    const twin = new Twin();
    for (const machine of [twin, device]) fill(machine, adapted);
    const masked = async (machine: Machine, randomStep: number) => {
      const run = machine.compile(({ inputs }) => ({ logits: adapted.head(adapted.hidden(inputs!, given)) }));
      const read = await (await run({ inputs }, { randomStep })).logits!.read();
      run.release();
      return read;
    };
    const [first, second] = [await masked(device, 1), await masked(device, 2)];
    expect(farthest(first, second)).toBeGreaterThan(0.1);
    expect(await masked(device, 1)).toEqual(first);
    expectClose('logits', first, await masked(twin, 1), 2e-5);
    expectClose('logits', await logitsOf(device, adapted), await logitsOf(twin, adapted), 2e-5);
    device.release([...adapted.parameters, ...adapted.adapter.parameters]);
  });

  test('it trains, with blocks computed again as without', async () => {
    const run = async (options: ForwardOptions) => {
      const adapted = lora(small(), dropping);
      const result = await trained(device, adapted, 3, options);
      device.release([...adapted.parameters, ...adapted.adapter.parameters]);
      return result;
    };
    const plain = await run(given);
    expect(await run({ ...given, recompute: true })).toEqual(plain);
    expect(await run({})).not.toEqual(plain);
  });
});

describe('targets', () => {
  const layers = (family: Family, targets?: readonly string[]) => {
    const { adapter } = lora(small(family), { r: 2, targets, seed: 1 });
    return [...adapter.layers.keys()].map((name) => name.replace(/^.*\.([01])\./, '$1 '));
  };
  const both = (...names: string[]) => ['0', '1'].flatMap((i) => names.map((name) => `${i} ${name}`));

  test('without any they are those of PEFT', () => {
    expect(layers('gpt2')).toEqual(both('attn.c_attn'));
    for (const family of ['llama', 'qwen3', 'gemma3_text'] as const)
      expect(layers(family)).toEqual(both('self_attn.q_proj', 'self_attn.v_proj'));
  });

  test.each<[readonly string[], string[]]>([
    [['c_attn'], both('attn.c_attn')],
    [['c_proj'], both('attn.c_proj', 'mlp.c_proj')],
    [['mlp.c_proj', 'c_attn'], both('attn.c_attn', 'mlp.c_proj')],
    [['transformer.h.1.attn.c_proj'], ['1 attn.c_proj']],
    [['h.0.*'], both('attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj').slice(0, 4)],
    [['transformer.*.mlp.*'], both('mlp.c_fc', 'mlp.c_proj')],
    [['all-linear'], both('attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj')],
  ])('%s', (targets, expected) => {
    expect(layers('gpt2', targets)).toEqual(expected);
  });

  test('an adapter keeps the shortest names by which PEFT finds them: it knows no patterns', () => {
    const kept = (targets: readonly string[]) => lora(small('gpt2'), { r: 2, targets, seed: 1 }).adapter.config.targets;
    expect(kept(['all-linear'])).toEqual(['c_attn', 'c_proj', 'c_fc']);
    expect(kept(['*.mlp.*'])).toEqual(['c_fc', 'mlp.c_proj']);
    expect(kept(['h.0.attn.*'])).toEqual(['0.attn.c_attn', '0.attn.c_proj']);
    expect(kept(['c_attn'])).toEqual(['c_attn']);
  });
});

test.each<[string, Family, Partial<LoraOptions>]>([
  ['found the target "q_proj", which no layer is called, expected names', 'gpt2', { targets: ['c_attn', 'q_proj'] }],
  ['this model has c_attn, attn.c_proj, c_fc, mlp.c_proj.', 'gpt2', { targets: ['proj'] }],
  ['this model has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj.', 'qwen3', { targets: ['.*'] }],
  ['tables of tokens and the head, which may share their weight, take no adapter', 'gpt2', { targets: ['wte'] }],
  ['found the target "lm_head", expected linear layers of the blocks', 'llama', { targets: ['q_proj', 'lm_head'] }],
  ['found the target "embed_tokens", expected linear layers', 'gemma3_text', { targets: ['embed_tokens'] }],
  ['found no target, expected names of layers', 'llama', { targets: [] }],
  ['found r 0, expected a whole number from 1', 'llama', { r: 0 }],
  ['found r 1.5, expected a whole number from 1', 'llama', { r: 1.5 }],
  ['found r 17, but transformer.h.0.attn.c_attn is (16,48), expected at most its smaller side', 'gpt2', { r: 17 }],
  ['found r 9, but model.layers.0.self_attn.v_proj is (8,16)', 'llama', { r: 9 }],
  ['found alpha 0, expected a number above 0', 'llama', { alpha: 0 }],
  ['found dropout 1, expected a number from 0 to below 1', 'llama', { dropout: 1 }],
])('refused: %s', (message, family, options) => {
  expect(() => lora(small(family), { r: 2, seed: 1, ...options })).toThrow(message);
});

test('an adapted model takes no second adapter, its base does', () => {
  const base = small();
  const adapted = lora(base, { r: 2, seed: 1 });
  expect(() => lora(adapted, { r: 2, seed: 2 })).toThrow('the model has an adapter already');
  expect(lora(base, { r: 2, seed: 2 }).adapter.parameters).not.toEqual(adapted.adapter.parameters);
});

test('a layer can be exchanged only for one that is there', () => {
  const base = small();
  const layer = [...base.linears.values()][0]!;
  expect(() => base.withLinears(new Map([['model.layers.9.mlp.up_proj', layer]]))).toThrow('found no linear layer');
});
