// A vocabulary in pieces gives what it gives whole: the table that tokens are looked up in, the logits, the loss, all gradients.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { add } from '../src/ops/add.ts';
import { concat } from '../src/ops/concat.ts';
import { crossEntropy } from '../src/ops/cross_entropy.ts';
import { embedding } from '../src/ops/embedding.ts';
import { matmul } from '../src/ops/matmul.ts';
import { mul } from '../src/ops/mul.ts';
import { constant, leastCapabilities } from '../src/ops/op.ts';
import { part } from '../src/ops/part.ts';
import { sum } from '../src/ops/sum.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';
import { faultsOf } from './harness/plan_check.ts';
import { embeddingInPieces, lossInChunks, statsInChunks } from './harness/vocabulary.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());
const V = 1100;
const C = 12;
const N = 9;
const table = new Tensor({ kind: 'parameter', name: 'table', shape: [V, C], init: () => normal(V * C, 1, 5, 0) });
const whole = (values: number[]) => ({ shape: [values.length], data: Int32Array.from(values) });
/** One target in every range that the vocabulary is cut into below, two ignored, one no class, the last class. */
const batch = {
  ids: whole([0, 1, 63, 64, 703, 704, 1099, 64, 5]),
  targets: whole([0, 63, 64, 700, 704, 1099, -100, 1100, -100]),
};
const options = { labelSmoothing: 0.1 };

/** Rows first..first+rows-1 of the table. */
const piece = (first: number, rows: number) => part(table, first * C, [rows, C]);
const cut = (lengths: readonly number[]) => {
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
  return lengths.map((rows, i) => piece(starts[i]!, rows));
};

/** A model that is nothing but its table: looked up at the bottom, multiplied with at the top. `lengths`: rows a piece. */
const step =
  (lengths: readonly number[] | null) =>
  ({ ids, targets }: Record<string, Tensor>) => {
    const hidden = lengths ? embeddingInPieces(cut(lengths), ids!) : embedding(table, ids!);
    const head = (weight: Tensor) => matmul(hidden, weight, { transposeB: true });
    const chunks = lengths ? cut(lengths).map(head) : [head(table)];
    const { loss, tokenLoss, kept } = lengths
      ? lossInChunks(chunks, targets!, options)
      : crossEntropy(chunks[0]!, targets!, options);
    // Each token's loss counts by a weight of its own, beside the mean: both have a derivative.
    const weights = constant('weights', [N], () => normal(N, 1, 6, 0));
    const total = add(loss, sum(mul(tokenLoss, weights)));
    return { loss, tokenLoss, kept, hidden, logits: concat(chunks), dtable: backward(total).get(table)! };
  };

const cuts = [[V], [64, 640, 396], [704, 396], [64, 64, 972]];

for (const lengths of cuts) {
  describe(`rows ${lengths.join(' + ')}`, () => {
    test('on the device: all results are those of the whole', async () => {
      const expected = await device.compile(step(null))(batch);
      const got = await device.compile(step(lengths))(batch);
      for (const [name, output] of Object.entries(expected))
        expectClose(name, await got[name as 'loss']!.read(), await output.read(), 1e-5);
    });

    test('in float64: to the last digits', async () => {
      const twin = new Twin();
      const expected = await twin.compile(step(null))(batch);
      const got = await twin.compile(step(lengths))(batch);
      for (const [name, { exact }] of Object.entries(expected))
        expectClose(name, got[name as 'loss']!.exact, exact, 1e-13);
    });

    test('no value is read after another has overwritten it', () => {
      const graph = graphOf(step(lengths), batch);
      const plan = makePlan(graph, leastCapabilities);
      expect(faultsOf(plan, graph)).toEqual([]);
    });
  });
}

test('a class that was seen long before the largest logit keeps its digits', async () => {
  // Every chunk raises the largest logit: the statistics of those before are rebased each time.
  const rising = Array.from({ length: 5 }, (_, i) => ({
    shape: [2, 3],
    data: Float32Array.of(0, 1, 2, 2, 1, 0).map((x) => 9000 + x + 2 * i),
  }));
  const given = Object.fromEntries(rising.map((chunk, i) => [`x${i}`, chunk]));
  const run = (machine: Device | Twin) =>
    machine.compile(({ targets, ...x }: Record<string, Tensor>) => ({
      stats: statsInChunks(Object.values(x), targets!),
      loss: lossInChunks(Object.values(x), targets!).tokenLoss,
    }))({ targets: whole([0, 4]), ...given });
  const [got, expected] = [await run(device), await run(new Twin())];
  expectClose('stats', await got.stats.read(), await expected.stats.read(), 1e-7);
  expectClose('loss', await got.loss.read(), await expected.loss.read(), 1e-6);
});

test('the gradient of a table that is read in parts is filled once, then each part adds its window alone', () => {
  const plan = makePlan(graphOf(step([64, 640, 396]), batch), leastCapabilities);
  const dispatches = plan.dispatches.filter((d) => d.op === 'part_backward');
  const windows = dispatches.map((d) => [d.form, d.workgroups[0]]);
  const of = (rows: number) => ['window', Math.ceil((rows * C) / 64)];
  expect(windows).toEqual([of(V), of(640), of(64), of(396), of(640), of(64)]);
});
