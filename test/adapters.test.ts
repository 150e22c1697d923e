// Adapters on the command line: put onto a model, merged into it, named in its place; and what does not fit.
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lora } from '../src/nn/lora.ts';
import { normal } from '../src/tensor/random.ts';
import { modelOf, writeAdapterFolder } from './harness/adapter_files.ts';
import { run } from './harness/inside.ts';
import { filesOf, gpt2Json, llamaJson, weightsOf, writeModelFolder } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const families = { gpt2: gpt2Json, llama: llamaJson } as const;
type Name = keyof typeof families;
const scales = { gpt2: {}, llama: { r: 4, rslora: true } } as const;
const others = { 'special_tokens_map.json': '{"eos_token": "</s>"}' };
const base = (name: Name) => place.at(name);
const adapter = (name: Name) => place.at(`${name}-adapter`);

beforeAll(async () => {
  for (const [name, json] of Object.entries(families)) {
    await writeModelFolder(place.at(name), json, undefined, others);
    const options = { targets: ['all-linear'], ...scales[name as Name] };
    await writeAdapterFolder(place.at(`${name}-adapter`), json, options, { base: place.at(name) });
  }
  fs.writeFileSync(place.at('ids.json'), JSON.stringify(Array.from({ length: 40 }, (_, i) => (7 * i) % 48)));
});

/** The ids that a model continues with, and its logits for the first. */
async function continued(...words: string[]) {
  const asked = ['--prompt-ids', '5,17,3', '--max-new-tokens', '5', '--temperature', '0', '--logits', '--json'];
  const { code, lines, stderr } = await run(['generate', ...words, ...asked]);
  expect(code, stderr).toBe(0);
  return { ids: lines[0]!.ids, logits: lines[0]!.topLogits as [number, number][], stderr: stderr.replace(/\s+/g, ' ') };
}

async function merged(name: Name, ...words: string[]): Promise<string> {
  const out = place.at(`${name}-merged-${fs.readdirSync(place.folder).length}`);
  const { code, stderr } = await run(['convert', ...words, '--out', out]);
  expect(code, stderr).toBe(0);
  return out;
}

test.each(['gpt2', 'llama'] as const)(
  '%s: an adapter beside its base, merged, and named alone give the same text',
  async (name) => {
    const beside = await continued('--model', base(name), '--adapter-weights', adapter(name));
    const alone = await continued('--model', adapter(name));
    expect(beside.stderr).not.toContain('base');
    expect(alone.stderr).toContain(`model: ${adapter(name)} is an adapter; its base is ${base(name)}`);
    expect([alone.ids, alone.logits]).toEqual([beside.ids, beside.logits]);
    expect((await continued('--model', base(name))).logits).not.toEqual(beside.logits);
    for (const words of [
      ['--model', base(name), '--merge', adapter(name)],
      ['--model', adapter(name)],
    ]) {
      const { ids, logits } = await continued('--model', await merged(name, ...words));
      expect(ids).toEqual(beside.ids);
      expect(logits.map(([id]) => id)).toEqual(beside.logits.map(([id]) => id));
      for (const [i, [, value]] of logits.entries()) expect(value).toBeCloseTo(beside.logits[i]![1], 3);
    }
  },
);

test('merging changes the layers of the adapter by its product, and copies everything else', async () => {
  const only = await writeAdapterFolder(place.at('only'), gpt2Json, { targets: ['c_attn'] }, { base: base('gpt2') });
  const out = await merged('gpt2', '--model', base('gpt2'), '--merge', only);
  const [before, after] = [await weightsOf(base('gpt2')), await weightsOf(out)];
  const { adapter } = lora(modelOf(gpt2Json), { r: 2, alpha: 3, targets: ['c_attn'], seed: 1 });
  for (const [name, values] of after) {
    const layer = adapter.layers.get(name.replace(/\.weight$/, ''));
    if (!layer) {
      expect(values, name).toEqual(before.get(name));
      continue;
    }
    // The values that writeAdapterFolder gives them.
    const at = adapter.parameters.indexOf(layer.lora.a);
    const [a, b] = [normal(2 * 16, 0.3, 3, at), normal(48 * 2, 0.3, 3, at + 1)];
    const expected = before.get(name)!.map((w, i) => {
      const [input, output] = [Math.floor(i / 48), i % 48];
      return w + 1.5 * (b[2 * output]! * a[input]! + b[2 * output + 1]! * a[16 + input]!);
    });
    expect(values, name).toEqual(expected);
  }
  const [from, to] = [filesOf(base('gpt2')), filesOf(out)];
  for (const name of ['config.json', 'special_tokens_map.json']) expect(to.get(name), name).toEqual(from.get(name));
});

test('evaluate takes the flag too', async () => {
  const lossOf = async (...words: string[]) => {
    const { code, lines, stderr } = await run(['evaluate', ...words, '--ids', place.at('ids.json'), '--json']);
    expect(code, stderr).toBe(0);
    return lines[0]!.loss as number;
  };
  const adapted = await lossOf('--model', base('llama'), '--adapter-weights', adapter('llama'));
  expect(await lossOf('--model', await merged('llama', '--model', adapter('llama')))).toBeCloseTo(adapted, 4);
  expect(Math.abs((await lossOf('--model', base('llama'))) - adapted)).toBeGreaterThan(0.01);
});

test('a run folder means the step that is best, on the command line and as a model', async () => {
  const folder = place.at('run');
  await writeAdapterFolder(`${folder}/step-000010`, gpt2Json, { targets: ['all-linear'] }, { base: base('gpt2') });
  fs.writeFileSync(`${folder}/best`, 'step-000010\n');
  const expected = await continued('--model', base('gpt2'), '--adapter-weights', adapter('gpt2'));
  for (const words of [
    ['--model', base('gpt2'), '--adapter-weights', folder],
    ['--model', base('gpt2'), '--adapter-weights', `${folder}/step-000010`],
    ['--model', folder],
  ])
    expect((await continued(...words)).logits).toEqual(expected.logits);
});

test('targets that the base does not have are told, and change nothing where its file has no tensors of them', async () => {
  const folder = place.at('stray');
  fs.cpSync(adapter('gpt2'), folder, { recursive: true });
  const config = `${folder}/adapter_config.json`;
  const fields = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(config, JSON.stringify({ ...fields, target_modules: [...fields.target_modules, 'q_proj'] }));
  const expected = await continued('--model', base('gpt2'), '--adapter-weights', adapter('gpt2'));
  const found = await continued('--model', base('gpt2'), '--adapter-weights', folder);
  expect(found.logits).toEqual(expected.logits);
  expect(found.stderr.match(/no layer is called so: "q_proj"/g)).toHaveLength(1);
  const out = place.at('stray-merged');
  const { code, stderr } = await run(['convert', '--model', base('gpt2'), '--merge', folder, '--out', out]);
  expect([code, stderr.replace(/\s+/g, ' ')]).toEqual([0, expect.stringContaining('no layer is called so: "q_proj"')]);
});

test('an adapter that names another base is told of once, and works where its shapes fit', async () => {
  const folder = await writeAdapterFolder(place.at('elsewhere'), gpt2Json, {}, { base: 'some/other' });
  const { stderr } = await continued('--model', base('gpt2'), '--adapter-weights', folder);
  expect(stderr.match(/warning: .*made for the base some\/other, and the model here is/g)).toHaveLength(1);
});

test.each<[string, () => readonly string[]]>([
  [
    'found the target "q_proj", which no layer is called',
    () => ['--model', base('gpt2'), '--adapter-weights', adapter('llama')],
  ],
  [
    'found nothing, expected a run folder or a model folder',
    () => ['--model', base('gpt2'), '--adapter-weights', place.at('none')],
  ],
  [
    'expected a run folder or a model folder with adapter_config.json',
    () => ['--model', base('gpt2'), '--adapter-weights', base('gpt2')],
  ],
  ['--adapter-weights: found beside --model', () => ['--model', adapter('gpt2'), '--adapter-weights', adapter('gpt2')]],
])('refused: %s', async (message, words) => {
  const { code, errors } = await run(['generate', ...words(), '--prompt-ids', '1', '--temperature', '0']);
  expect([code, errors.length]).toEqual([2, 1]);
  expect(errors[0]).toContain(message);
});

test('an adapter that names no base, or one that is not here, is refused as a model', async () => {
  const folder = await writeAdapterFolder(place.at('baseless'), gpt2Json);
  const config = `${folder}/adapter_config.json`;
  const fields = JSON.parse(fs.readFileSync(config, 'utf8'));
  const refused = async (base: string | null) => {
    fs.writeFileSync(config, JSON.stringify({ ...fields, base_model_name_or_path: base }));
    const { code, errors } = await run(['generate', '--model', folder, '--prompt-ids', '1']);
    expect(code).toBe(2);
    return errors[0];
  };
  expect(await refused(null)).toContain(
    `names no base, expected a folder or a name on the hub. Name it: --model BASE --adapter-weights ${folder}`,
  );
  expect(await refused('./gone')).toContain('./gone: found nothing, expected a run folder or a model folder');
  expect(await refused('./\u001b[2Jgone')).toContain('./\u241b[2Jgone: found nothing');
});

test('a merge that does not fit leaves nothing behind', async () => {
  const out = place.at('never');
  const wide = await writeAdapterFolder(place.at('wide'), { ...gpt2Json, n_embd: 32 }, {}, { base: base('gpt2') });
  for (const [merge, message] of [
    [wide, 'of another shape'],
    [adapter('llama'), 'which no layer is called'],
  ] as const) {
    const { code, errors } = await run(['convert', '--model', base('gpt2'), '--merge', merge, '--out', out]);
    expect([code, errors.length, fs.existsSync(out)]).toEqual([2, 1, false]);
    expect(errors[0]).toContain(message);
  }
  const file = place.at('stories.bin');
  fs.writeFileSync(file, new Uint8Array(64));
  const { code, errors } = await run(['convert', '--model', file, '--merge', wide, '--out', out]);
  expect([code, errors[0]]).toEqual([2, expect.stringContaining('--merge: found beside a file of llama2.c')]);
});
