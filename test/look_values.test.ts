// The numbers of a run that are looked at: whose they are, how a large matrix becomes a picture, and where one number comes from.
// Looking changes nothing.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ListedTensor, OpenedCell } from '../demo/protocol/values.ts';
import type { PageSettings } from '../demo/protocol.ts';
import type { Home } from '../demo/worker/home.ts';
import { Look } from '../demo/worker/look/look.ts';
import { listTensors, lookAtValues, openCell } from '../demo/worker/look/values.ts';
import { fullSettings } from '../demo/worker/presets.ts';
import { PageRun } from '../demo/worker/run.ts';
import { openOwn } from '../demo/worker/text.ts';
import { trace } from '../src/autograd/graph.ts';
import { collectBytes } from '../src/checkpoint/safetensors.ts';
import {
  backward,
  type Device,
  type HostTensor,
  hashOf,
  lineOf,
  loop,
  matmul,
  mul,
  openDevice,
  pooledMap,
  productAt,
  sum,
  Tensor,
  Twin,
  ValueReader,
  valueStatistics,
} from '../src/index.ts';
import { optimizerFile } from '../src/train/snapshot.ts';
import { adapter } from './harness/program.ts';
import { text as tale } from './harness/tiny_training.ts';

const text = openOwn({ name: 'tale.md', text: tale.repeat(3) });
const page: PageSettings = {
  ...{ layers: 2, heads: 2, width: 16, context: 16, batch: 3, steps: 6, learningRate: 1e-2, minLearningRate: 0 },
  ...{ warmupSteps: 2, schedule: 'cosine', weightDecay: 0.1, dropout: 0.1, seed: 3, data: text.data },
};
const ALL = [1000, 1000] as const;

let device: Device;
let run: PageRun;
const kept = new Map<string, { release(): void }>();
const look = () => new Look(run.looked, run.parts.trainer.reached, kept, () => false);
const rest = () => {
  for (const each of kept.values()) each.release();
  kept.clear();
  device.releaseActivations();
};

async function until(step: number): Promise<void> {
  const stop = () => run.parts.trainer.step >= step && step < page.steps;
  for await (const _ of loop(
    run.parts.trainer,
    run.loopOptions({ stop, drawn: () => {}, save: async () => null }),
    run.progress,
  ));
}

beforeAll(async () => {
  device = await openDevice(adapter === undefined ? {} : { adapter });
  const home: Home = { machine: device, device, twin: null };
  run = new PageRun(home, { settings: fullSettings(page), seed: page.seed, text });
  await until(2);
});
afterEach(rest);
afterAll(() => {
  run.release();
  device.close();
});

const whole = (tensor: Pick<ListedTensor, 'name' | 'group'>) =>
  lookAtValues(look(), { name: tensor.name, group: tensor.group, window: null, room: ALL });

describe('what can be looked at', () => {
  test('is every weight, every gradient and what each place computes, in the order of the model', async () => {
    const { tensors } = await listTensors(look());
    const names = (group: string) => tensors.filter((each) => each.group === group).map(({ name }) => name);
    const parameters = run.parts.model.parameters.map(({ name }) => name);
    expect(names('weights')).toEqual(parameters);
    expect(names('gradients')).toEqual(parameters);
    const titles = tensors.filter(({ group }) => group === 'activations').map(({ title }) => title);
    expect(titles[0]).toMatch(/^embed wte embedding/);
    expect(titles).toContain('h.1.attn c_attn matmul.y');
    expect(titles).toContain('h.0.mlp ln_2 layernorm.y');
    expect(titles.at(-1)).toMatch(/^head .*matmul\.y$/);
    expect(new Set(names('activations')).size).toBe(titles.length);
  });

  test('a weight is what the machine holds, and its window is a part of it', async () => {
    const parameter = run.parts.model.parameters.find(({ name }) => name.endsWith('h.0.mlp.c_fc.weight'))!;
    const values = (await device.read(parameter)) as Float32Array;
    const found = await whole({ name: parameter.name, group: 'weights' });
    expect([found.rows, found.columns, found.pool]).toEqual([16, 64, [1, 1]]);
    expect(found.cells).toEqual(values);
    const asked = { name: parameter.name, group: 'weights' as const, room: ALL };
    const part = await lookAtValues(look(), { ...asked, window: { row: 14, column: 60, rows: 4, columns: 3 } });
    expect(part.window).toEqual({ row: 12, column: 60, rows: 4, columns: 3 });
    expect([...part.cells.slice(0, 3)]).toEqual([...values.slice(12 * 64 + 60, 12 * 64 + 63)]);
    expect(part.scale).toBe(found.scale);
  });

  test('a gradient is that of the next step’s batch, as the twin computes it', async () => {
    const { model, trainer } = run.parts;
    const twin = new Twin();
    for (const parameter of model.parameters) twin.write(parameter, await device.read(parameter));
    const [batch] = run.looked.peek();
    const { fn } = trainer.functions(batch!, batch!).find(({ kind }) => kind === 'trained')!;
    const compiled = twin.compile((inputs) => {
      const { loss } = fn(inputs);
      return Object.fromEntries([...backward(loss!)].map(([parameter, gradient]) => [parameter.name, gradient]));
    });
    const expected = await compiled(batch!);
    for (const parameter of model.parameters) {
      const { cells } = await whole({ name: parameter.name, group: 'gradients' });
      const values = await expected[parameter.name]!.read();
      const largest = Math.max(...values.map(Math.abs));
      const apart = Math.max(...values.map((value, i) => Math.abs(value - cells[i]!)));
      expect(apart, parameter.name).toBeLessThan(1e-4 * largest);
    }
    twin.close();
  });

  test('an activation has a row a token of the example', async () => {
    const { tensors } = await listTensors(look());
    const norm = tensors.find(({ title }) => title === 'h.0.attn ln_1 layernorm.y')!;
    const found = await whole(norm);
    expect(found.tokens!.join('')).toBe(run.looked.example);
    for (let row = 0; row < found.rows; row++) {
      const cells = found.cells.slice(row * 16, row * 16 + 16);
      expect(Math.abs(cells.reduce((all, each) => all + each, 0) / 16)).toBeLessThan(0.2);
    }
  });

  test('what is not there is refused', async () => {
    await expect(whole({ name: 'h.9', group: 'weights' })).rejects.toThrow('weights: found no h.9, expected one');
    const name = run.parts.model.parameters[0]!.name;
    await expect(openCell(look(), { name, group: 'weights', row: 0, column: 16 })).rejects.toThrow('columns below 16');
  });
});

describe('a cell', () => {
  const check = ({ value, product, why, ...cell }: OpenedCell) => {
    expect(cell.ownRow[cell.column]).toBe(value);
    expect(cell.ownColumn[cell.row]).toBe(value);
    expect(cell.rowSum).toBeCloseTo(
      [...cell.ownRow].reduce((all, each) => all + each, 0),
      5,
    );
    if (!product) return expect(why).not.toBe('');
    expect(Math.abs(product.sum - value)).toBeLessThanOrEqual(product.tolerance);
    expect(product.tolerance).toBeLessThan(1e-3);
    const terms = product.left.values.map((left, k) => left * product.right.values[k]!);
    const sums = terms.reduce((all, each) => all + each, 0) + product.added.reduce((all, { value: v }) => all + v, 0);
    expect(sums).toBeCloseTo(value, 4);
  };

  test('of an activation is the sum of its products, bias and what goes around it', async () => {
    const { tensors } = await listTensors(look());
    const made = tensors.filter(({ group, title }) => group === 'activations' && title.endsWith('matmul.y'));
    expect(made.length).toBe(9);
    for (const { name, group, shape } of made) {
      const cell = await openCell(look(), { name, group, row: 5, column: shape.at(-1)! - 2 });
      expect(cell.product).not.toBeNull();
      check(cell);
    }
    const { name, group } = made.find(({ title }) => title === 'h.0.mlp c_proj matmul.y')!;
    const { product } = await openCell(look(), { name, group, row: 1, column: 2 });
    expect(product!.left).toMatchObject({ name: 'h.0.mlp gelu_tanh.y', way: 'row', index: 1 });
    expect(product!.right).toMatchObject({ name: 'transformer.h.0.mlp.c_proj.weight', way: 'column', index: 2 });
    expect(product!.added.map((each) => each.name)).toEqual([
      'the bias transformer.h.0.mlp.c_proj.bias',
      'what goes around the layer, h.0.attn c_proj matmul.y',
    ]);
  });

  test('of a weight’s gradient is a column of the layer’s input times a column of the gradient behind it', async () => {
    const name = 'transformer.h.1.attn.c_attn.weight';
    const cell = await openCell(look(), { name, group: 'gradients', row: 3, column: 40 });
    check(cell);
    expect(cell.product!.left).toMatchObject({ name: 'h.1.attn ln_1 layernorm.y', way: 'column', index: 3 });
    expect(cell.product!.left.values.length).toBe(page.batch * page.context);
    check(await openCell(look(), { name: 'transformer.wte.weight', group: 'gradients', row: 1, column: 1 }));
    const weight = await openCell(look(), { name, group: 'weights', row: 3, column: 40 });
    check(weight);
    expect(weight.why).toBe('A weight is not computed: every step moves it a little against its gradient.');
    const norm = await openCell(look(), { name: 'transformer.ln_f.weight', group: 'gradients', row: 0, column: 1 });
    expect(norm.why).toMatch(/^No product of matrices made it: layernorm_backward/);
  });
});

describe('a product of matrices', () => {
  const [M, K, N] = [3, 5, 4];
  const random = (n: number, seed: number) =>
    Float32Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + seed) + 0.2);
  const layouts = [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) =>
      ['flat', 'batched', 'shared'].map((kind) => ({ transposeA, transposeB, kind })),
    ),
  );
  test.each(layouts.filter(({ transposeA, kind }) => !(transposeA && kind === 'shared')))(
    'is read as it is stored: $kind, a transposed $transposeA, b transposed $transposeB',
    async (layout) => {
      const { transposeA, transposeB, kind } = layout;
      const lead = kind === 'flat' ? [] : [2];
      const shapes = {
        a: [...lead, ...(transposeA ? [K, M] : [M, K])],
        b: [...(kind === 'shared' ? [] : lead), ...(transposeB ? [N, K] : [K, N])],
        bias: [N],
        residual: [...lead, M, N],
      };
      const batch = Object.fromEntries(
        Object.entries(shapes).map(([name, shape], i): [string, HostTensor] => [
          name,
          {
            shape,
            data: random(
              shape.reduce((n, d) => n * d, 1),
              i,
            ),
          },
        ]),
      );
      const reader = new ValueReader(device, ({ a, b, bias, residual }) => ({
        y: matmul(a!, b!, { transposeA, transposeB, bias: bias!, residual: residual! }),
      }));
      const { graph } = reader.values(batch);
      const y = graph.outputs.get('y')!;
      const values = (await reader.read(batch, [y])).get(y)!;
      for (const [at, value] of values.entries()) {
        const { left, right, added } = productAt(graph, y, at)!;
        const found = await reader.read(batch, [left.tensor, right.tensor, ...added.map(({ tensor }) => tensor)]);
        const [l, r] = [lineOf(left, found.get(left.tensor)!), lineOf(right, found.get(right.tensor)!)];
        expect([l.length, r.length]).toEqual([K, K]);
        const products = l.reduce((all, each, k) => all + each * r[k]!, 0);
        const all = added.reduce((so, { tensor, at: i }) => so + found.get(tensor)![i]!, products);
        expect(all).toBeCloseTo(value, 5);
      }
      reader.release();
    },
  );

  test('is none where something else made the number', () => {
    const x = new Tensor({ kind: 'parameter', shape: [2, 2], name: 'x' });
    const graph = trace(() => ({ y: mul(x, x), z: sum(x) }));
    expect(productAt(graph, graph.outputs.get('y')!, 1)).toBeNull();
    expect(productAt(graph, x, 1)).toBeNull();
  });
});

describe('a picture of a matrix', () => {
  const values = Float32Array.of(1, -2, 3, 0, 0.5, 0, -4, 1, 0, 0, Number.NaN, 9, 0, -0.5, 2, 2);

  test('pools by the largest size and keeps its sign; what is not finite is not hidden', () => {
    const window = { row: 0, column: 0, rows: 4, columns: 4 };
    const map = pooledMap(values, 4, window, [2, 2]);
    expect([map.pool, map.mapRows, map.mapColumns]).toEqual([[2, 2], 2, 2]);
    expect([...map.cells]).toEqual([-2, -4, -0.5, Number.NaN]);
    const uneven = pooledMap(values, 4, { row: 1, column: 1, rows: 3, columns: 3 }, [2, 3]);
    expect([uneven.pool, uneven.mapRows, uneven.mapColumns]).toEqual([[2, 1], 2, 3]);
    expect([...uneven.cells]).toEqual([0, Number.NaN, 9, -0.5, 2, 2]);
  });

  test('its colours end at the 99.9th percentile of the sizes', () => {
    const many = Float32Array.from({ length: 10_000 }, (_, i) => (i % 2 ? -1 : 1) * (i + 1));
    expect(valueStatistics(many)).toMatchObject({ scale: 9990, least: -10_000, most: 9999, notFinite: 0 });
    const found = valueStatistics(values);
    expect(found).toMatchObject({ least: -4, most: 9, scale: 9, notFinite: 1 });
    const finite = [...values].filter(Number.isFinite);
    const mean = finite.reduce((all, each) => all + each, 0) / 15;
    expect(found.mean).toBeCloseTo(mean, 6);
    expect(found.deviation).toBeCloseTo(Math.sqrt(finite.reduce((all, v) => all + (v - mean) ** 2, 0) / 15), 6);
    // Mostly zeros: the largest.
    expect(valueStatistics(Float32Array.from({ length: 5000 }, (_, i) => (i === 7 ? -3 : 0))).scale).toBe(3);
    expect(valueStatistics(Float32Array.of(Number.NaN)).notFinite).toBe(1);
  });
});

test('looking leaves weights, moments and memory as they were, and the run ends as one that nobody looked at', async () => {
  const { model, optimizer } = run.parts;
  const state = async () => [
    await hashOf(device, model),
    Buffer.from(await collectBytes(await optimizerFile(device, optimizer))).toString('base64'),
  ];
  rest();
  const before = await state();
  const bytes = device.shared.buffers.liveBytes;
  const { tensors } = await listTensors(look());
  for (const { name, group } of [...tensors.slice(0, 3), ...tensors.slice(30)]) {
    await whole({ name, group });
    await openCell(look(), { name, group, row: 0, column: 0 });
  }
  rest();
  expect(await state()).toEqual(before);
  expect(device.shared.buffers.liveBytes).toBe(bytes);
  await until(page.steps);
  const looked = await hashOf(device, model);
  const other = new PageRun(run.home, { settings: fullSettings(page), seed: page.seed, text });
  const options = other.loopOptions({ stop: () => false, drawn: () => {}, save: async () => null });
  for await (const _ of loop(other.parts.trainer, options, other.progress));
  expect(looked).toBe(await hashOf(device, other.parts.model));
  other.release();
});
