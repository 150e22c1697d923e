// Adapters as PEFT's files: what is written comes back, what PEFT writes is read, and what is damaged or not here is one sentence.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { peftWeights } from '../src/checkpoint/peft.ts';
import { parsePeftConfig, peftConfigJson } from '../src/checkpoint/peft_config.ts';
import { openPeftFolder } from '../src/checkpoint/peft_folder.ts';
import {
  bytesSource,
  collectBytes,
  SafetensorsReader,
  type TensorEntry,
  writeSafetensors,
} from '../src/checkpoint/safetensors.ts';
import { weightParts } from '../src/checkpoint/weights.ts';
import { InputError } from '../src/errors.ts';
import { type Adapted, lora } from '../src/nn/lora.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { Twin } from '../src/reference/twin.ts';
import { wholesOf } from '../src/tensor/pieces.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { adaptedBy, loadAdapter } from '../src/train/adapter_files.ts';
import { fillAdapter, modelOf, writeAdapterFolder } from './harness/adapter_files.ts';
import { gpt2Json, llamaJson } from './harness/model_files.ts';
import { damaged, damages, jsonMutants } from './harness/mutants.ts';
import { scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
afterAll(() => place.remove());
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
const golden = (file: string) => fileURLToPath(new URL(`../../shared/golden/traces/${file}`, import.meta.url));

const score = (seed: number) => [
  new Tensor({ kind: 'parameter', name: 'score.weight', shape: [3, 16], init: () => normal(48, 1, seed, 0) }),
];

async function logitsOf(twin: Twin, model: LanguageModel): Promise<Float32Array> {
  const run = twin.compile(({ ids }) => ({ logits: model.head(model.hidden(ids!)) }));
  const { logits } = await run({ ids: { shape: [1, 4], data: Int32Array.of(5, 17, 3, 30) } });
  return (await logits!.read()) as Float32Array;
}

describe('what is written', () => {
  test.each([
    ['gpt2', gpt2Json, { targets: ['all-linear'] }],
    ['llama', llamaJson, { r: 3, dropout: 0.25, rslora: true, targets: ['q_proj', 'mlp.down_proj'] }],
  ])('comes back, for %s', async (name, json, options) => {
    const folder = await writeAdapterFolder(place.at(`back-${name}`), json, options, { base: 'some/base' });
    const opened = openPeftFolder(folder);
    const twin = new Twin();
    const base = modelOf(json);
    const expected = lora(base, { r: 2, alpha: 3, seed: 1, ...options });
    fillAdapter(twin, expected);
    const adapted = await loadAdapter(twin, base, opened);
    opened.close();
    expect(adapted.adapter.config).toEqual(expected.adapter.config);
    expect(opened.config).toMatchObject({ base: 'some/base', taskType: 'CAUSAL_LM', modulesToSave: [] });
    expect(await logitsOf(twin, adapted)).toEqual(await logitsOf(twin, expected));
  });

  test("a classifier's scores stand in the same file, as PEFT has them", async () => {
    const file = { base: 'base', score: score(4) };
    const folder = await writeAdapterFolder(place.at('scores'), gpt2Json, {}, file);
    const opened = openPeftFolder(folder);
    const names = [...(await SafetensorsReader.open(opened.source)).tensors.keys()];
    expect(names.filter((each) => each.includes('score'))).toEqual(['base_model.model.score.weight']);
    expect(opened.config).toMatchObject({ taskType: 'SEQ_CLS', modulesToSave: ['score'] });
    const twin = new Twin();
    const [own] = score(9);
    await loadAdapter(twin, modelOf(gpt2Json), opened, [own!]);
    expect(await twin.read(own!)).toEqual(file.score[0]!.init!());
    await expect(loadAdapter(twin, modelOf(gpt2Json), opened)).rejects.toThrow(
      /adapter_config.json: modules_to_save: found "score", expected none: this is a language model/,
    );
    opened.close();
  });

  const traces = ['gpt2_lora', 'llama_lora'] as const;
  for (const trace of traces)
    testWith(golden(trace), `has the keys, names and shapes of PEFT's own (${trace})`, async () => {
      const json = fs.readFileSync(golden(`${trace}/${CONFIG}`), 'utf8');
      const config = parsePeftConfig(json, CONFIG);
      expect(peftConfigJson(config, trace === 'gpt2_lora')).toBe(`${JSON.stringify(JSON.parse(json), null, 2)}\n`);
      const base = modelOf(JSON.parse(fs.readFileSync(golden(`${trace}/config.json`), 'utf8')));
      const { adapter } = adaptedBy(base, { config, configName: CONFIG });
      const own = writeSafetensors(
        adapter.parameters.map(({ name, shape, size }) => ({
          name,
          shape,
          dtype: 'F32',
          data: new Float32Array(size),
        })),
      );
      const theirs = await SafetensorsReader.open(bytesSource(WEIGHTS, fs.readFileSync(golden(`${trace}/${WEIGHTS}`))));
      const shapes = ({ tensors }: SafetensorsReader) => [...tensors].map(([name, { shape }]) => [name, shape]).sort();
      expect(shapes(await SafetensorsReader.open(bytesSource(WEIGHTS, await collectBytes(own))))).toEqual(
        shapes(theirs),
      );
    });
});

const sound = {
  peft_type: 'LORA',
  task_type: 'CAUSAL_LM',
  base_model_name_or_path: 'some/base',
  r: 2,
  lora_alpha: 3,
  lora_dropout: 0.1,
  target_modules: ['q_proj', 'v_proj'],
  bias: 'none',
  fan_in_fan_out: false,
  modules_to_save: null,
  rank_pattern: {},
  alpha_pattern: {},
  use_rslora: false,
  use_dora: false,
  // Of newer versions.
  peft_version: '0.18.0',
  exclude_modules: null,
  lora_bias: false,
  alora_invocation_tokens: null,
};

const adaptedFrom = (fields: object, base: object = llamaJson, notes: string[] = []): Adapted =>
  adaptedBy(modelOf(base), { config: parsePeftConfig(JSON.stringify(fields), CONFIG, notes), configName: CONFIG });

describe('adapter_config.json', () => {
  test('of PEFT is read, with what newer versions write', () => {
    const notes: string[] = [];
    expect(adaptedFrom(sound, llamaJson, notes).adapter.config).toEqual({
      r: 2,
      alpha: 3,
      dropout: 0.1,
      rslora: false,
      targets: ['q_proj', 'v_proj'],
    });
    expect(notes).toEqual([]);
    adaptedFrom({ ...sound, something_new: 1 }, llamaJson, notes);
    expect(notes).toEqual([`${CONFIG}: keys ignored: "something_new"`]);
  });

  test('may name layers that this model does not have, as in PEFT, beside some that it has: they are told', () => {
    const notes: string[] = [];
    const target_modules = ['q_proj', 'c_attn', 'v_proj', 'W_pack'];
    const config = parsePeftConfig(JSON.stringify({ ...sound, target_modules }), CONFIG);
    const { adapter } = adaptedBy(modelOf(llamaJson), { config, configName: CONFIG }, [], notes);
    expect(adapter.config.targets).toEqual(['q_proj', 'v_proj']);
    expect([...adapter.layers.keys()]).toEqual([...adaptedFrom(sound).adapter.layers.keys()]);
    expect(notes).toEqual([`${CONFIG}: target_modules: passed over, as no layer is called so: "c_attn", "W_pack"`]);
    expect(() => lora(modelOf(llamaJson), { targets: target_modules, seed: 1 })).toThrow('found the target "c_attn"');
  });

  test('may have any keys that are not known here, and says so', () => {
    const notes: string[] = [];
    parsePeftConfig(`{"model_type": "llama", "__proto_": 1, ${JSON.stringify(sound).slice(1)}`, CONFIG, notes);
    expect(notes).toEqual([`${CONFIG}: keys ignored: "model_type", "__proto_"`]);
  });

  test('may name its layers by one text', () => {
    const layers = (target_modules: string) => adaptedFrom({ ...sound, target_modules }).adapter.layers.size;
    expect(layers('all-linear')).toBe(14);
    expect(layers('q_proj')).toBe(2);
    expect(layers('model.layers.0.*')).toBe(7);
  });

  test.each<[string, object]>([
    ['r is missing', { r: undefined }],
    ['lora_alpha is missing; "lora_alhpa" looks like it', { lora_alpha: undefined, lora_alhpa: 8 }],
    ['r: found 0, expected 1 or more', { r: 0 }],
    ['r: found 1.5, expected a whole number', { r: 1.5 }],
    ['r: found text "8", expected a whole number', { r: '8' }],
    [
      'found r 100000, but model.layers.0.self_attn.q_proj is (16,16), expected at most its smaller side',
      { r: 100000 },
    ],
    ['lora_alpha is missing', { lora_alpha: undefined }],
    ['lora_alpha: found 0, expected a number from', { lora_alpha: 0 }],
    ['lora_dropout: found 1, expected a number from 0 to', { lora_dropout: 1 }],
    ['peft_type: found text "IA3", expected "LORA"; no other adapter is supported', { peft_type: 'IA3' }],
    ['bias: found text "all", expected "none"', { bias: 'all' }],
    ['use_dora: found true, expected nothing under this key', { use_dora: true }],
    ['rank_pattern: found an object, expected nothing under this key', { rank_pattern: { q_proj: 4 } }],
    ['alpha_pattern: found an object', { alpha_pattern: { q_proj: 4 } }],
    ['layers_to_transform: found a list', { layers_to_transform: [0] }],
    [
      'init_lora_weights: found text "pissa", expected a start that leaves the base as it is',
      { init_lora_weights: 'pissa' },
    ],
    ['modules_to_save: found "lm_head", expected none', { modules_to_save: ['lm_head'] }],
    ['target_modules: found null, expected a list of names', { target_modules: null }],
    ['target_modules: found a list, expected at least one name', { target_modules: [] }],
    [
      'target_modules: found 5000 names, expected at most 4096',
      { target_modules: Array.from({ length: 5000 }, (_, i) => `layer${i}`) },
    ],
    ['found the target "lm_head"', { target_modules: ['q_proj', 'nothing', 'lm_head'] }],
    ['target_modules[1]: found 5, expected a name', { target_modules: ['q_proj', 5] }],
    [
      'found the target "c_attn", which no layer is called, expected names, perhaps with * in them. Correct it: this model has q_proj',
      { target_modules: ['c_attn'] },
    ],
    ['found the target ".*", which no layer is called', { target_modules: '.*' }],
    [
      'target_modules: found the pattern "(a+)+$", expected a list of names: patterns from files are never run',
      { target_modules: '(a+)+$' },
    ],
    ['found the target "lm_head", expected linear layers of the blocks', { target_modules: ['q_proj', 'lm_head'] }],
    ['base_model_name_or_path: found 5, expected text', { base_model_name_or_path: 5 }],
  ])('refused: %s', (message, change) => {
    const since = performance.now();
    expect(() => adaptedFrom({ ...sound, ...change })).toThrow(InputError);
    expect(() => adaptedFrom({ ...sound, ...change })).toThrow(`${CONFIG}: ${message}`);
    expect(performance.now() - since).toBeLessThan(1000);
  });
});

describe('adapter_model.safetensors', () => {
  const { adapter } = lora(modelOf(llamaJson), { r: 2, seed: 1 });
  const expected = wholesOf(adapter.parameters);
  const entries = (change: (entry: TensorEntry) => TensorEntry[] = (entry) => [entry]) =>
    expected.flatMap(({ name, shape, size }, i) =>
      change({ name, shape, dtype: 'F32', data: normal(size, 0.3, 5, i) }),
    );
  const open = async (list: readonly TensorEntry[]) =>
    readAll(bytesSource(WEIGHTS, await collectBytes(writeSafetensors(list))));
  const readAll = async (source: ReturnType<typeof bytesSource>) => {
    let count = 0;
    for await (const { data } of weightParts(await peftWeights(source, expected))) {
      expect(data.every(Number.isFinite)).toBe(true);
      count++;
    }
    return count;
  };
  const q = 'model.layers.0.self_attn.q_proj';
  const v = 'model.layers.1.self_attn.v_proj';

  test.each(['F32', 'F16', 'BF16'] as const)('in %s is read', async (dtype) => {
    expect(await open(entries((entry) => [{ ...entry, dtype }]))).toBe(8);
  });

  test.each<[string, (entry: TensorEntry) => TensorEntry[]]>([
    [`"${v}" has lora_A but no lora_B, expected both`, (e) => (e.name.includes(`${v}.lora_B`) ? [] : [e])],
    [`"${v}" has lora_B but no lora_A, expected both`, (e) => (e.name.includes(`${v}.lora_A`) ? [] : [e])],
    [
      `found other tensors than the 8 that adapter_config.json and this base ask for: 2 missing: "base_model.model.${q}`,
      (e) => (e.name.includes(q) ? [] : [e]),
    ],
    [
      `4 missing: .*; 4 unknown: "base_model.model.model.layers.0.mlp.up_proj`,
      (e) => [{ ...e, name: e.name.replace('self_attn.q_proj', 'mlp.up_proj') }],
    ],
    [
      '8 of another shape: "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" is [1,2,16], expected [2,16]',
      (e) => [{ ...e, shape: [1, ...e.shape] }],
    ],
    [
      'holds 1 NaN (first at 5), expected finite numbers',
      (e) => [
        e.name.includes(`${q}.lora_B`)
          ? { ...e, data: (e.data as Float32Array).map((x, i) => (i === 5 ? Number.NaN : x)) }
          : e,
      ],
    ],
    [
      'dtype I32, expected F32, F16 or BF16',
      (e) => [{ ...e, dtype: 'I32', data: new Int32Array((e.data as Float32Array).length) }],
    ],
  ])('refused: %s', async (message, change) => {
    const error = await open(entries(change)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(new RegExp(message.replace(/[[\]()]/g, '\\$&')));
  });

  test('of another rank or another base is refused with both shapes', async () => {
    const other = wholesOf(lora(modelOf(llamaJson), { r: 4, seed: 1 }).adapter.parameters);
    const file = writeSafetensors(entries());
    const opened = peftWeights(bytesSource(WEIGHTS, await collectBytes(file)), other);
    await expect(opened).rejects.toThrow(
      /8 of another shape: "base_model\.model\.model\.layers\.0\.self_attn\.q_proj\.lora_A\.weight" is \[2,16\], expected \[4,16\]/,
    );
  });

  test('a pickle is never opened, a missing file is named', async () => {
    const folder = await writeAdapterFolder(place.at('pickle'), llamaJson);
    fs.renameSync(path.join(folder, WEIGHTS), path.join(folder, 'adapter_model.bin'));
    expect(() => openPeftFolder(folder)).toThrow('found adapter_model.bin, a PyTorch pickle');
    fs.rmSync(path.join(folder, 'adapter_model.bin'));
    expect(() => openPeftFolder(folder)).toThrow(`found no ${WEIGHTS}, expected ${WEIGHTS}`);
    fs.rmSync(path.join(folder, CONFIG));
    expect(() => openPeftFolder(folder)).toThrow('found nothing, expected a file');
  });

  const runs = { numRuns: 300, seed: 20261130 };
  /** Refusals are sentences, and are some: or nothing was damaged. */
  async function everyCase<T>(cases: fc.Arbitrary<T>, attempt: (value: T) => unknown): Promise<void> {
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (value) => {
        const since = performance.now();
        try {
          await attempt(value);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          expect(error.message.length).toBeLessThan(4000);
          refusals++;
        }
        expect(performance.now() - since).toBeLessThan(4000);
      }),
      runs,
    );
    expect(refusals).toBeGreaterThan(runs.numRuns / 10);
  }

  test.each([
    ['anywhere', undefined],
    ['in its header', 1000],
  ])('damaged %s it is read or refused, and never beyond its end', async (_, head) => {
    const whole = await collectBytes(writeSafetensors(entries()));
    await everyCase(damages(), (list) => {
      const bytes = damaged(whole, list, head);
      const read = (offset: number, length: number) => {
        if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
          throw new Error(`read of ${length} bytes at ${offset} of ${bytes.length}`);
        return bytes.subarray(offset, offset + length);
      };
      return readAll({ name: WEIGHTS, size: bytes.length, read });
    });
  });

  test('another adapter_config.json is read or refused', async () => {
    await everyCase(jsonMutants(sound), (text) =>
      adaptedBy(modelOf(llamaJson), { config: parsePeftConfig(text, CONFIG), configName: CONFIG }),
    );
  });
});
