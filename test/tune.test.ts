// Which form of an op runs: a wrong one is never chosen, a faster one is; a table is kept for its adapter, on the disk or in a browser,
// read again and written into the run; where there is none, one that comes with the program for the kind of adapter is obeyed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modulePath, replaced, shippedModule, toShip } from '../scripts/make-shipped.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { devices } from '../src/cli/devices.ts';
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { runIn } from '../src/cli/elsewhere/run.ts';
import { kernelTable } from '../src/cli/open_device.ts';
import { Output } from '../src/cli/output.ts';
import { pretrain } from '../src/cli/pretrain.ts';
import { styleFor } from '../src/cli/terminal.ts';
import { choiceTable } from '../src/cli/tune/choice_table.ts';
import { diskStore } from '../src/cli/tune/disk_store.ts';
import { tuneAndShow } from '../src/cli/tune/tune.ts';
import { RunError } from '../src/errors.ts';
import { ops } from '../src/ops/index.ts';
import { layernorm, layernormBackwardParamsOp } from '../src/ops/layernorm.ts';
import { matmul } from '../src/ops/matmul.ts';
import { type Capabilities, currentTape, leastCapabilities } from '../src/ops/op.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { checkTable, type KernelTable } from '../src/schedule/order.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { tableOf } from '../src/schedule/used_table.ts';
import { type AdapterKey, keyText } from '../src/tune/adapter_key.ts';
import { browserStore } from '../src/tune/browser_store.ts';
import { type Choice, choose, plainOnly, tableFrom, wrongForms } from '../src/tune/choose.ts';
import { chooseKernels, fastKernels } from '../src/tune/kernel_choice.ts';
import { type MeasuredCase, measureCase, TOLERANCE } from '../src/tune/measure.ts';
import { type TuneCase, tuneCases } from '../src/tune/shapes.ts';
import { shipped } from '../src/tune/shipped.ts';
import { keepTable, readTable, type TableStore } from '../src/tune/store.ts';
import { formsNow, type StoredTable, storedText } from '../src/tune/stored_table.ts';
import { FakeStream, fakeHome, shaderformer } from './cli_home.ts';
import type { BrowserTables } from './harness/browser_tables.ts';
import { type Line, scratchFolder, tiny } from './harness/program.ts';
import { unevenLayernorm } from './harness/uneven_layernorm.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const place = scratchFolder();
afterAll(() => place.remove());
const cacheAt = (name: string) => ({ XDG_CACHE_HOME: place.at(name) });

const card: AdapterKey = {
  home: 'node',
  name: 'A card / with a name',
  vendor: 'someone',
  architecture: '',
  device: '',
  description: 'driver 1.2.3',
  subgroups: '8',
};
const lanes: Capabilities = {
  ...leastCapabilities,
  features: new Set(['subgroups']),
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
};
const stored: StoredTable = {
  adapter: card,
  measured: '2026-11-25T00:40:00.000Z',
  kernels: { matmul: 'subgroup8', sum: 'one_stage' },
  plain: { sum: 'one_stage' },
};
const noNote = () => expect.fail('a note');

describe('the choice', () => {
  const at = (name: string, times: Record<string, number>, runs = Object.keys(times)): MeasuredCase => ({
    op: 'sum',
    name,
    spread: 1,
    runs: runs.map((form) => ({ name: form, plain: !form.startsWith('special') })),
    forms: Object.entries(times).map(([form, ms]) => ({
      name: form,
      plain: !form.startsWith('special'),
      ms,
      error: ms === Infinity ? 0.5 : 1e-7,
    })),
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

  test('leaves those ahead that were not beaten where they run, and those that fitted no shape', () => {
    const runs = ['few', 'special f16', 'large', 'winner'];
    const training = at('training', { large: 100, winner: 50 }, runs);
    const decoding = (few: number) => at('decoding', { few, large: 4, winner: 2 }, runs);
    expect(chosen(training, decoding(1))).toBe('few,special f16,winner');
    expect(chosen(training, decoding(2.05))).toBe('few,special f16,winner');
    expect(chosen(training, decoding(3))).toBe('special f16,winner');
    expect(chosen(...plainOnly([training, decoding(1)]))).toBe('few,winner');
    expect(chosen(at('training', { large: 50, winner: 100 }, runs), decoding(1))).toBe(null);
  });

  test('names as many forms as it is worth, the fastest of each shape first where others do not fit it', () => {
    const runs = ['first', 'second', 'wide', 'narrow'];
    const cases = [
      at('a', { first: 10, second: 8, wide: 4 }, runs),
      at('b', { first: 10, second: 7, narrow: 5 }, runs),
    ];
    const [name, ...more] = chosen(...cases)!.split(',');
    expect([name, ...more].sort()).toEqual(['narrow', 'wide']);
  });

  test('is made once more among the forms that need no feature', () => {
    const cases = [at('a', { special: 1, first: 10, second: 5 }), at('b', { special: 1, first: 10, second: 5 })];
    expect(chosen(...cases)).toBe(null);
    expect(chosen(...plainOnly(cases))).toBe('second');
    expect(chosen(...plainOnly([...cases, at('c', { special: 1 })]))).toBe('second');
  });
});

test('every op that has several forms is measured at some shape', () => {
  const measured = new Set(tuneCases.map(({ op }) => op.name));
  expect(ops.filter((op) => op.forms.length > 1 && !measured.has(op.name)).map((op) => op.name)).toEqual([]);
});

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
    await tuneAndShow({ out, env }, device, [unevenLayernorm()]);
    const lines = stdout.text.split('\n');
    expect(lines[0]).toMatch(/^layernorm: row, [\d.]+x as fast as the first that fits$/);
    expect(lines[1]).toMatch(/^ +row_vec4 +row +wrong$/);
    expect(lines[2]).toMatch(/^ +256x64 +[\d.]+ +[\d.]+ +wrong$/);
    expect(stderr.text).toMatch(
      /warning: layernorm: the form wrong is wrong on this adapter: at 256x64 off by [\d.]+ of the largest value, expected at most 0\.00001\. It was not chosen/,
    );
    const [kept] = diskStore(env).tables(() => expect.fail('a note'));
    const kernels = { layernorm: 'row' };
    expect(kept).toMatchObject({ kernels, plain: kernels, adapter: { name: device.name } });
  });

  test('--kernels auto takes the table, portable does not, and devices tells of it', async () => {
    const adapter = wanted ? ['--adapter', wanted] : [];
    const look = async (...words: string[]) => {
      const home = fakeHome(cacheAt('tuned'));
      const { stdout, stderr } = await shaderformer(['devices', '--json', ...words, ...adapter], [devices], home);
      const said = JSON.parse(stdout) as {
        chosen: string;
        kernels: { layernorm: string[] };
        adapters: { name: string; kernels: { from: string; table: KernelTable } }[];
      };
      const inForce = said.adapters.find(({ name }) => name === said.chosen)!.kernels;
      return { first: said.kernels.layernorm[0], inForce, notes: stderr.match(/^kernels: .*$/gm) ?? [] };
    };
    const day = new Date().toISOString().slice(0, 10);
    const auto = await look();
    expect(auto.first).toBe('row');
    const from = `stored: measured on this adapter on ${day}`;
    expect(auto.notes).toEqual([`kernels: ${from}, see devices`]);
    expect(auto.inForce).toEqual({ from, table: { layernorm: 'row' } });
    const portable = await look('--kernels', 'portable');
    expect([portable.first, portable.notes]).toEqual(['row_vec4', []]);
    expect(portable.inForce.from).toBe('given: --kernels portable');
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
    expect(first.kernelsFrom).toMatch(/^stored: measured on this adapter on /);
    expect(kernels(2)).toEqual(first.kernels);
    const second = await start('never measured', '--resume', place.at('run'), '--steps', '3', '--json', ...adapter);
    expect([kernels(3), second.kernelsFrom]).toEqual([first.kernels, 'saved: by the run that is gone on with']);
    const other = await start('never measured', ...words, '--steps', '2', '--out', place.at('other'));
    expect(other.kernelsFrom).toMatch(/^(shipped: measured on .*|first: this adapter was not measured)$/);
  });
});

test('what a run records gives its plans again, also where another form stood in for the one asked for', () => {
  const graph = graphOf(() => {
    const sums = [6, 8].map((C) => {
      const given = (name: string, shape: number[]) => currentTape().input(`${name}${C}`, shape, 'f32');
      const inputs = { x: given('x', [256, C]), mean: given('mean', [256]), rstd: given('rstd', [256]) };
      return currentTape().push(layernormBackwardParamsOp, { ...inputs, dy: given('dy', [256, C]) }, null).dweight!;
    });
    return { six: sums[0]!, eight: sums[1]! };
  }, {});
  const formsOf = (table: KernelTable) => makePlan(graph, leastCapabilities, table).dispatches.map((d) => d.form);
  for (const form of layernormBackwardParamsOp.forms.map((f) => f.name)) {
    const table = { layernorm_backward_params: form };
    const recorded = tableOf([makePlan(graph, leastCapabilities, table)], leastCapabilities, table);
    expect(formsOf(recorded)).toEqual(formsOf(table));
  }
  const recorded = tableOf([makePlan(graph, leastCapabilities)], leastCapabilities, {});
  expect(formsOf(recorded)).toEqual(formsOf({}));
});

describe('what a run with decoding, short and long products records', () => {
  const gpu: Capabilities = { ...lanes, software: false, subgroupMinSize: 16, subgroupMaxSize: 32 };
  const adapters = { least: leastCapabilities, 'subgroups of 8 in software': lanes, 'a GPU': gpu };
  const graph = graphOf(() => {
    const given = (name: string, shape: number[]) => currentTape().input(name, shape, 'f32');
    const parameters = [given('weight', [128]), given('bias', [128])] as const;
    const of = (M: number) => {
      const x = layernorm(given(`x${M}`, [M, 128]), ...parameters, { eps: 1e-5 });
      return matmul(x, given(`b${M}`, [128, 256]));
    };
    return { one: of(1), some: of(64), many: of(512) };
  }, {});
  const formsOf = (here: Capabilities, table: KernelTable) =>
    makePlan(graph, here, table).dispatches.map((d) => `${d.op} ${d.form}`);
  const recordedBy = (here: Capabilities, table: KernelTable) => tableOf([makePlan(graph, here, table)], here, table);
  const portable = kernelTable('portable');
  const tables: [string, KernelTable][] = [
    ['no table', {}],
    ['portable', portable],
    ['a tuned table', { matmul: 'vector,register', layernorm: 'row' }],
    ['a table of one name', { matmul: 'tile' }],
  ];

  for (const [adapter, here] of Object.entries(adapters))
    test.for(tables)(`gives its plans again on ${adapter}: %s`, ([, table]) => {
      const recorded = recordedBy(here, table);
      expect(formsOf(here, recorded)).toEqual(formsOf(here, table));
      checkTable(recorded, here);
      expect(recordedBy(here, recorded)).toEqual(recorded);
    });

  test('names every form that ran, the first tried first', () => {
    expect(recordedBy(lanes, {}).matmul).toBe('vector_subgroup8,subgroup8_32');
    expect(recordedBy(gpu, { matmul: 'vector,register' }).matmul).toBe('vector,register');
    expect(recordedBy(lanes, { matmul: 'tile' }).matmul).toBe('tile');
  });

  test('is the same on every adapter where the run was portable, and so are its plans', () => {
    for (const here of Object.values(adapters)) {
      expect(recordedBy(here, portable)).toEqual({ layernorm: 'row_vec4', matmul: 'vector,tile' });
      for (const there of Object.values(adapters))
        expect(formsOf(there, recordedBy(here, portable))).toEqual(formsOf(here, portable));
    }
  });
});

test('the portable forms compute every node: of each op one needs nothing, no adapter and no shape', () => {
  for (const { name, forms } of ops.filter((op) => op.forms.length > 0))
    expect([name, forms.some((f) => !f.runsOn && !f.prefers && !f.when)]).toEqual([name, true]);
});

describe('which table is in force', () => {
  const kind = toShip('a card', {
    ...stored,
    kernels: { matmul: 'subgroup8', add: 'broadcast' },
    plain: { mul: 'broadcast' },
  });
  const used = (key: AdapterKey, table: StoredTable | null, capabilities: Capabilities = lanes, tables = [kind]) =>
    chooseKernels(key, table, capabilities, tables);

  test('the stored one of this adapter goes before the shipped one of its kind, and that before the first form', () => {
    expect(used(card, stored)).toEqual({
      table: stored.kernels,
      from: 'stored: measured on this adapter on 2026-11-25',
    });
    expect(used(card, null)).toEqual({
      table: kind.kernels,
      from: 'shipped: measured on a card with subgroups of 8 on 2026-11-25',
    });
    const none = { table: {}, from: 'first: this adapter was not measured' };
    expect(used({ ...card, name: 'Another' }, null)).toEqual(none);
    expect(used({ ...card, subgroups: '32' }, null)).toEqual(none);
  });

  test('without subgroups the plain choice of the kind is taken, however the home names the adapter', () => {
    expect(used({ ...card, subgroups: 'none' }, null, leastCapabilities).table).toEqual({ mul: 'broadcast' });
    const page = { ...card, name: 'a card', vendor: 'a', architecture: 'card', description: '', subgroups: 'none' };
    expect(used({ ...page, home: 'browser', name: 'unnamed' }, null, leastCapabilities).table).toEqual({
      mul: 'broadcast',
    });
  });

  test('a form that does not run here gives way to the first that fits', () => {
    expect(used(card, stored, leastCapabilities).table).toEqual({ sum: 'one_stage' });
    expect(used(card, null, leastCapabilities).table).toEqual({ add: 'broadcast' });
    const several = { ...stored, kernels: { matmul: 'vector,subgroup8,tile' } };
    expect(used(card, several).table).toEqual(several.kernels);
    expect(used(card, several, leastCapabilities).table).toEqual({ matmul: 'vector,tile' });
  });

  test('a shipped entry says nothing where its op has other forms now, or is gone', () => {
    const { matmul: _, ...forms } = kind.forms;
    for (const changed of [{ ...forms, matmul: 'tile' }, forms])
      expect(used(card, null, lanes, [{ ...kind, forms: changed }]).table).toEqual({ add: 'broadcast' });
    const gone = {
      ...kind,
      kernels: { ...kind.kernels, nothing: 'gone', sum: 'gone' },
      forms: { ...kind.forms, nothing: 'gone' },
    };
    expect(used(card, null, lanes, [gone]).table).toEqual(kind.kernels);
  });

  test('what ships is what the script writes, one table a kind, and nothing that a device refuses', () => {
    expect(fs.readFileSync(modulePath, 'utf8')).toBe(shippedModule(shipped));
    expect(replaced(shipped, [])).toEqual(shipped);
    for (const { adapter, subgroups } of shipped) {
      const table = (capabilities: Capabilities, lanesHere: string) =>
        used({ ...card, name: adapter, subgroups: lanesHere }, null, capabilities, [...shipped]).table;
      const size = Number(subgroups.match(/\d+/)?.[0] ?? 0);
      const features = new Set(['subgroups', 'shader-f16']);
      const here = { ...leastCapabilities, features, subgroupMinSize: size, subgroupMaxSize: size };
      checkTable(table(here, subgroups), here);
      checkTable(table(leastCapabilities, 'none'), leastCapabilities);
    }
  });

  test('a kind that is measured again replaces its table and no other', () => {
    const other = toShip('b card', stored);
    const again = { ...kind, kernels: {} };
    expect(replaced([other, kind], [again])).toEqual([again, other]);
    const text = shippedModule([{ ...kind, on: "a 'quoted' \\ name" }]);
    expect(text).toContain("    on: 'a \\'quoted\\' \\\\ name',\n    kernels: {\n      matmul: 'subgroup8',\n");
  });
});

describe('a stored table', () => {
  const env = cacheAt('stored');
  const store = diskStore(env);
  const file = store.placeOf(keyText(card));

  test('is read back for its adapter, and for no other driver, home or subgroup size', async () => {
    await keepTable(store, stored);
    expect(path.basename(file)).toMatch(/^kernels-node-a-card-with-a-name-someone-driver-1-[0-9a-f]{8}\.json$/);
    expect(fs.readdirSync(path.dirname(file))).toEqual([path.basename(file)]);
    expect(await readTable(store, card, noNote)).toEqual(stored);
    for (const other of [{ description: 'driver 1.2.4' }, { home: 'deno' }, { subgroups: 'none' }])
      expect(await readTable(store, { ...card, ...other }, noNote)).toBe(null);
  });

  test('that is damaged, foreign or of another version is passed over with one note, in every store', async () => {
    const whole = storedText(stored);
    const broken: [RegExp, string][] = [
      [/not JSON at byte/, whole.slice(0, -20)],
      [/empty file/, ''],
      [/expected an object/, '[]'],
      [/version: found 1, expected 2/, whole.replace('"version": 2', '"version": 1')],
      [/measured: found text "yesterday"/, whole.replace(/2026-11-25T00:40:00.000Z/, 'yesterday')],
      [/kernels: found the form text "subgroup9" of text "matmul"/, whole.replace('subgroup8"', 'subgroup9"')],
      [/plain: found nothing, expected an object/, whole.replace('"plain"', '"other"')],
      [/among other forms of ops/, whole.replace(formsNow().sum!, 'one_stage')],
      [/measured on another adapter/, whole.replace('driver 1.2.3', 'driver 9')],
    ];
    for (const [reason, damaged] of broken) {
      expect(damaged, `${reason}`).not.toBe(whole);
      fs.writeFileSync(file, damaged);
      const fake: TableStore = { placeOf: () => 'the place', get: async () => damaged, set: async () => {} };
      for (const [each, place] of [
        [store, file],
        [fake, 'the place'],
      ] as const) {
        const notes: string[] = [];
        expect(await readTable(each, card, (line) => notes.push(line))).toBe(null);
        expect(notes).toEqual([expect.stringMatching(reason)]);
        expect(notes[0]!.startsWith(`kernels: passed over: ${place}: `)).toBe(true);
        expect(notes[0]).toMatch(/ Measure again to replace it\.$/);
      }
    }
    fs.rmSync(file);
    fs.mkdirSync(file);
    const notes: string[] = [];
    const note = (line: string) => notes.push(line);
    expect([await readTable(store, card, note), store.tables(note), notes.length]).toEqual([null, [], 2]);
  });

  test('is done without where the place fails: what ships is used, and a note says so', async () => {
    const fails = async () => {
      throw new RunError('the place: it is gone.');
    };
    const notes: string[] = [];
    const choose = fastKernels({ placeOf: () => '', get: fails, set: fails }, (line) => notes.push(line));
    const device = await openDevice({ kernels: choose, ...(wanted && { adapter: wanted }) });
    device.close();
    expect([device.kernelsFrom.replace(/:.*/, ''), notes]).toEqual([
      expect.stringMatching(/shipped|first/),
      ['kernels: passed over: the place: it is gone.'],
    ]);
    await expect(browserStore(undefined).get('a')).rejects.toThrow(
      "the browser's storage: it cannot be used (there is no IndexedDB here).",
    );
  });

  test('that cannot be written is an error with a sentence', async () => {
    fs.writeFileSync(place.at('a file'), '');
    const refused = keepTable(diskStore(cacheAt('a file')), stored);
    await expect(refused).rejects.toThrow(RunError);
    await expect(refused).rejects.toThrow(/cannot be written \(E\w+\).*XDG_CACHE_HOME/);
  });

  test('lies in the cache folder that the environment names', () => {
    expect(diskStore({ XDG_CACHE_HOME: os.tmpdir() }).placeOf(keyText(card))).toMatch(
      path.join(os.tmpdir(), 'shaderformer/kernels-'),
    );
  });
});

test('a worker of a browser measures, keeps its table, obeys it after the next start, and passes over a damaged one', async (context) => {
  try {
    findChromium();
  } catch (error) {
    context.skip((error as Error).message);
  }
  const entry = fileURLToPath(new URL('harness/browser_tables.ts', import.meta.url));
  const { result } = await runIn('chromium', entry, null, { quiet: true });
  const { chosen, wrong, before, after, spoilt, notes } = result as BrowserTables;
  expect([chosen, wrong]).toEqual([{ layernorm: 'row' }, ['wrong']]);
  expect(before.from).toMatch(/^(shipped|first): /);
  expect(after).toEqual({ table: chosen, from: expect.stringMatching(/^stored: measured on this adapter on /) });
  expect(spoilt).toEqual(before);
  expect(notes).toEqual([expect.stringMatching(/^kernels: passed over: the browser's storage: not JSON at byte /)]);
});

test('the widest table fits in 80 columns', () => {
  const forms = ['two_stages_vec4', 'two_stages', 'one_stage_vec4', 'one_stage'].map((name) => ({
    name,
    plain: true,
    ms: 12.345,
    error: 0,
  }));
  const cases = [{ op: 'layernorm_backward_params', name: '768x128', runs: forms, forms, spread: 1 }];
  const choice: Choice = { ...choose(cases)[0]!, form: 'one_stage' };
  for (const line of choiceTable(choice, styleFor(false))) expect(line.length).toBeLessThanOrEqual(80);
});
