// devices --tune: a wrong form is never chosen, a faster one is; the table is kept for its adapter, read again, obeyed by --kernels
// auto, and written into the run.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { devices } from '../src/cli/devices.ts';
import { tableOf } from '../src/cli/open_device.ts';
import { Output } from '../src/cli/output.ts';
import { pretrain } from '../src/cli/pretrain.ts';
import { choiceTable } from '../src/cli/tune/choice_table.ts';
import { type Choice, choose, tableFrom, wrongForms } from '../src/cli/tune/choose.ts';
import { type MeasuredCase, measureCase, TOLERANCE } from '../src/cli/tune/measure.ts';
import { type TuneCase, tuneCases } from '../src/cli/tune/shapes.ts';
import { type AdapterKey, pickTable, type StoredTable } from '../src/cli/tune/stored_table.ts';
import { readTable, readTables, tableFile, writeTable } from '../src/cli/tune/table_file.ts';
import { tune } from '../src/cli/tune/tune.ts';
import { RunError } from '../src/errors.ts';
import { ops } from '../src/ops/index.ts';
import { layernormBackwardParamsOp, layernormOp } from '../src/ops/layernorm.ts';
import { currentTape, type Form, type Op } from '../src/ops/op.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import type { KernelTable } from '../src/schedule/order.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { FakeStream, fakeHome, shaderformer } from './cli_home.ts';
import { type Line, scratchFolder, tiny } from './harness/program.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const place = scratchFolder();
afterAll(() => place.remove());
const cacheAt = (name: string) => ({ XDG_CACHE_HOME: place.at(name) });

describe('the choice', () => {
  const at = (name: string, times: Record<string, number>): MeasuredCase => ({
    op: 'sum',
    name,
    spread: 1,
    forms: Object.entries(times).map(([form, ms]) => ({ name: form, ms, error: ms === Infinity ? 0.5 : 1e-7 })),
  });
  const chosen = (...cases: MeasuredCase[]) => tableFrom(choose(cases)).sum ?? null;

  test('is the form of the least time over all shapes', () => {
    expect(chosen(at('small', { first: 1, second: 2 }), at('large', { first: 10, second: 5 }))).toBe('second');
    expect(chosen(at('small', { first: 1, second: 8 }), at('large', { first: 10, second: 5 }))).toBe(null);
  });

  test('stays with the first that fits where another is not 5 % faster', () => {
    expect(chosen(at('a', { first: 10, second: 9.6 }))).toBe(null);
    expect(chosen(at('a', { first: 10, second: 9.4 }))).toBe('second');
  });

  test('counts the first that fits where a form does not fit, as a run does', () => {
    expect(chosen(at('a', { first: 10, second: 5 }), at('b', { first: 100 }))).toBe(null);
    expect(chosen(at('a', { first: 10, second: 5 }), at('b', { first: 20 }))).toBe('second');
    expect(chosen(at('a', { wide: 10, row: 5 }), at('b', { row: 20 }))).toBe('row');
  });

  test('is never a form that is wrong at some shape, however fast it is', () => {
    const cases = [at('a', { first: 10, fast: 1 }), at('b', { first: 10, fast: Infinity })];
    expect(chosen(...cases)).toBe(null);
    expect(wrongForms(cases, TOLERANCE)).toEqual([{ op: 'sum', form: 'fast', shape: 'b', error: 0.5 }]);
  });

  test('leaves a wrong default, however slow the other is', () => {
    expect(chosen(at('a', { first: Infinity, second: 50 }), at('b', { first: 1, second: 50 }))).toBe('second');
    const [none] = choose([at('a', { first: Infinity, second: Infinity })]);
    expect([none!.form, none!.why]).toEqual([null, 'no form is right here']);
  });
});

test('every op that has several forms is measured at some shape', () => {
  const measured = new Set(tuneCases.map(({ op }) => op.name));
  expect(ops.filter((op) => op.forms.length > 1 && !measured.has(op.name)).map((op) => op.name)).toEqual([]);
});

/** Layer norm whose first form is slow, the second as it is, the third fast and wrong: it leaves out most rows. */
function unevenLayernorm(): TuneCase {
  const [vec4, row] = layernormOp.forms as unknown as [Form<unknown>, Form<unknown>];
  const slow: Form<unknown> = {
    ...vec4,
    dispatches: (...site) =>
      Array(24)
        .fill(vec4.dispatches(...site))
        .flat(),
  };
  const wrong: Form<unknown> = {
    name: 'wrong',
    dispatches: (...site) => row.dispatches(...site).map((d) => ({ ...d, sizes: { ...d.sizes, R: 8 }, threads: [8] })),
  };
  const op = { ...layernormOp, forms: [slow, row, wrong] } as Op<unknown>;
  return { op, name: '256x64', attrs: { eps: 1e-5 }, inputs: { x: [256, 64], weight: [64], bias: [64] } };
}

describe('measured on an adapter', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  test('a wrong form is not timed and not chosen, a faster one is', async () => {
    const measured = await measureCase(device, unevenLayernorm());
    const [slow, row, wrong] = measured.forms;
    expect(measured.forms.map((form) => form.name)).toEqual(['row_vec4', 'row', 'wrong']);
    expect([slow!.error, row!.error].map((error) => error < TOLERANCE)).toEqual([true, true]);
    expect(wrong!.error).toBeGreaterThan(0.01);
    expect(wrong!.ms).toBe(Infinity);
    expect(slow!.ms).toBeGreaterThan(2 * row!.ms);
    expect(tableFrom(choose([measured]))).toEqual({ layernorm: 'row' });
  });

  test('backward ops get what their forward op gives, and whole numbers stay below their bound', async () => {
    const small = ['layernorm_backward', 'attention_backward', 'softmax_stats_backward'].map(
      (name) => tuneCases.findLast(({ op }) => op.name === name)!,
    );
    const shrunk = (each: TuneCase): TuneCase => ({
      ...each,
      inputs: Object.fromEntries(Object.entries(each.inputs).map(([name, spec]) => [name, shrink(name, spec)])),
      ...(each.after && { after: shrunk(each.after) }),
    });
    for (const each of small) {
      const { op, forms } = await measureCase(device, shrunk(each));
      expect([op, forms.length > 1 || op === 'softmax_stats_backward']).toEqual([op, true]);
      for (const { error } of forms) expect(error).toBeLessThan(TOLERANCE);
    }
  });

  /** The same call with fewer rows. */
  function shrink(name: string, spec: TuneCase['inputs'][string]): TuneCase['inputs'][string] {
    const fewer = (shape: readonly number[]) =>
      name === 'qkv' || (name === 'dy' && shape.length === 3)
        ? [1, 16, shape[2]!]
        : shape.length > 1 || name === 'targets'
          ? [8, ...shape.slice(1)]
          : shape;
    return 'below' in spec ? { ...spec, shape: fewer(spec.shape) } : fewer(spec);
  }

  test('devices --tune prints what it measured, names the wrong form, and keeps the table', async () => {
    const [stdout, stderr] = [new FakeStream(), new FakeStream()];
    const out = new Output({ stdout, stderr, env: { NO_COLOR: '1' } });
    const env = cacheAt('tuned');
    const context = { out, env, given: new Set<string>(), signal: { requested: false } as never };
    await tune(context, device, 'adapter', [unevenLayernorm()]);
    const lines = stdout.text.split('\n');
    expect(lines[0]).toMatch(/^layernorm: row, [\d.]+x as fast as the first that fits$/);
    expect(lines[1]).toMatch(/^ +row_vec4 +row +wrong$/);
    expect(lines[2]).toMatch(/^ +256x64 +[\d.]+ +[\d.]+ +wrong$/);
    expect(stderr.text).toMatch(
      /warning: layernorm: the form wrong is wrong on this adapter: at 256x64 off by [\d.]+ of the largest value, expected at most 0\.00001\. It was not chosen/,
    );
    const [kept] = readTables(env, () => expect.fail('a note'));
    expect(kept).toMatchObject({ kernels: { layernorm: 'row' }, adapter: { name: device.name } });
  });

  test('--kernels auto takes the table, portable does not, and devices tells of it', async () => {
    const adapter = wanted ? ['--adapter', wanted] : [];
    const look = async (...words: string[]) => {
      const home = fakeHome(cacheAt('tuned'));
      const { stdout, stderr } = await shaderformer(['devices', '--json', ...words, ...adapter], [devices], home);
      const said = JSON.parse(stdout) as {
        chosen: string;
        kernels: { layernorm: string[] };
        adapters: { name: string; kernels: object }[];
      };
      const inForce = said.adapters.find(({ name }) => name === said.chosen)!.kernels;
      return { first: said.kernels.layernorm[0], inForce, notes: stderr.match(/^kernels: .*$/gm) ?? [] };
    };
    const day = new Date().toISOString().slice(0, 10);
    const auto = await look();
    expect(auto.first).toBe('row');
    expect(auto.notes).toEqual([`kernels: measured on this adapter on ${day}, see devices`]);
    expect(auto.inForce).toMatchObject({
      flag: 'auto',
      measured: expect.stringContaining(day),
      table: { layernorm: 'row' },
    });
    const portable = await look('--kernels', 'portable');
    expect([portable.first, portable.notes]).toEqual(['row_vec4', []]);
  });

  test('a run records the table that it used, and a resume obeys that one', async () => {
    const adapter = wanted ? ['--adapter', wanted] : [];
    const words = [...tiny(), '--data', place.data, '--sample-every', '0', '--json', ...adapter];
    const start = async (cache: string, ...more: string[]) => {
      const home = fakeHome(cacheAt(cache));
      const { stdout, stderr, code } = await shaderformer(['pretrain', ...more], [pretrain], home);
      if (code !== 0) throw new Error(stderr);
      return JSON.parse(stdout.split('\n')[0]!) as Line;
    };
    const kernels = (step: number) => {
      const file = place.at(`run/step-${String(step).padStart(6, '0')}/training.json`);
      return (JSON.parse(fs.readFileSync(file, 'utf8')) as Line).kernels;
    };
    const first = await start('tuned', ...words, '--steps', '2', '--out', place.at('run'));
    expect(first.kernels).toMatchObject({ layernorm: 'row', layernorm_backward: 'row_vec4' });
    expect(kernels(2)).toEqual(first.kernels);
    await start('never measured', '--resume', place.at('run'), '--steps', '3', '--json', ...adapter);
    expect(kernels(3)).toEqual(first.kernels);
    const other = await start('never measured', ...words, '--steps', '2', '--out', place.at('other'));
    expect(other.kernels).toMatchObject({ layernorm: 'row_vec4' });
  });
});

test('what a run records gives its plans again, also where another form stood in for the one asked for', () => {
  const plain = { features: new Set<string>(), subgroupMinSize: 0, subgroupMaxSize: 0 };
  const graph = graphOf(() => {
    const sums = [6, 8].map((C) => {
      const given = (name: string, shape: number[]) => currentTape().input(`${name}${C}`, shape, 'f32');
      const inputs = { x: given('x', [256, C]), mean: given('mean', [256]), rstd: given('rstd', [256]) };
      return currentTape().push(layernormBackwardParamsOp, { ...inputs, dy: given('dy', [256, C]) }, null).dweight!;
    });
    return { six: sums[0]!, eight: sums[1]! };
  }, {});
  const formsOf = (table: KernelTable) => makePlan(graph, plain, table).dispatches.map((d) => d.form);
  for (const form of layernormBackwardParamsOp.forms.map((f) => f.name)) {
    const table = { layernorm_backward_params: form };
    const recorded = tableOf([makePlan(graph, plain, table)], table);
    expect(formsOf(recorded)).toEqual(formsOf(table));
  }
  const recorded = tableOf([makePlan(graph, plain)], {});
  expect(formsOf(recorded)).toEqual(formsOf({}));
});

describe('a stored table', () => {
  const adapter: AdapterKey = {
    home: 'node',
    name: 'A card / with a name',
    vendor: 'someone',
    architecture: '',
    device: '',
    description: 'driver 1.2.3',
    subgroups: '8',
  };
  const table: StoredTable = { adapter, measured: '2026-11-25T00:40:00.000Z', kernels: { matmul: 'subgroup8' } };
  const env = cacheAt('stored');
  const plain = { features: new Set<string>(), subgroupMinSize: 0, subgroupMaxSize: 0 };
  const lanes = { features: new Set(['subgroups']), subgroupMinSize: 8, subgroupMaxSize: 8 };

  test('is read back for its adapter, and for no other driver, home or subgroup size', async () => {
    const file = await writeTable(table, env);
    expect(path.basename(file)).toMatch(/^kernels-a-card-with-a-name-[0-9a-f]{8}\.json$/);
    expect(fs.readdirSync(path.dirname(file))).toEqual([path.basename(file)]);
    expect(readTable(adapter, env, () => expect.fail('a note'))).toEqual(table);
    for (const other of [{ description: 'driver 1.2.4' }, { home: 'deno' }, { subgroups: 'none' }])
      expect(readTable({ ...adapter, ...other }, env, () => expect.fail('a note'))).toBe(null);
  });

  test('gives way to the first that fits where a form does not run', () => {
    expect(pickTable([table], adapter, lanes)?.kernels).toEqual({ matmul: 'subgroup8' });
    expect(pickTable([table], adapter, plain)?.kernels).toEqual({});
    expect(pickTable([table], { ...adapter, name: 'another' }, lanes)).toBe(null);
  });

  test('that is damaged, foreign or of another version is passed over with one note', async () => {
    const file = await writeTable(table, env);
    const text = fs.readFileSync(file, 'utf8');
    const broken: [RegExp, string][] = [
      [/not JSON at byte/, text.slice(0, -20)],
      [/empty file/, ''],
      [/expected an object/, '[]'],
      [/version: found 2, expected 1/, text.replace('"version": 1', '"version": 2')],
      [/measured: found text "yesterday"/, text.replace(/2026-11-25T00:40:00.000Z/, 'yesterday')],
      [/the form text "subgroup9" of text "matmul"/, text.replace('subgroup8"', 'subgroup9"')],
      [/among other forms of ops/, text.replace('subgroup8 subgroup4', 'subgroup8')],
      [/measured on another adapter/, text.replace('driver 1.2.3', 'driver 9')],
    ];
    for (const [reason, damaged] of broken) {
      expect(damaged, `${reason}`).not.toBe(text);
      fs.writeFileSync(file, damaged);
      const notes: string[] = [];
      expect(readTable(adapter, env, (line) => notes.push(line))).toBe(null);
      expect(notes).toEqual([expect.stringMatching(reason)]);
      expect(notes[0]).toMatch(/^kernels: passed over: .*devices --tune$/);
    }
    fs.rmSync(file);
    fs.mkdirSync(file);
    const notes: string[] = [];
    expect([readTable(adapter, env, (line) => notes.push(line)), notes.length]).toEqual([null, 1]);
  });

  test('that cannot be written is an error with a sentence', async () => {
    fs.writeFileSync(place.at('a file'), '');
    const refused = writeTable(table, cacheAt('a file'));
    await expect(refused).rejects.toThrow(RunError);
    await expect(refused).rejects.toThrow(/cannot be written \(E\w+\).*XDG_CACHE_HOME/);
  });

  test('lies in the cache folder that the environment names', () => {
    expect(tableFile(adapter, { XDG_CACHE_HOME: os.tmpdir() })).toMatch(
      path.join(os.tmpdir(), 'shaderformer/kernels-'),
    );
  });
});

test('the widest table fits in 80 columns', () => {
  const forms = ['two_stages_vec4', 'two_stages', 'one_stage_vec4', 'one_stage'].map((name) => ({
    name,
    ms: 12.345,
    error: 0,
  }));
  const cases = [{ op: 'layernorm_backward_params', name: '768x128', forms, spread: 1 }];
  const choice: Choice = { ...choose(cases)[0]!, form: 'one_stage' };
  const plain = (text: string) => text;
  const style = { dim: plain, bold: plain, error: plain, warning: plain, train: plain, validation: plain };
  for (const line of choiceTable(choice, style)) expect(line.length).toBeLessThanOrEqual(80);
});
