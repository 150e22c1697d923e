// Will it fit? Bytes are known before anything runs, they are what a run then takes, and what does not fit gets a proposal that does.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WORKLOADS } from '../src/cli/bench/workloads.ts';
import { fittingRun } from '../src/cli/fitting_run.ts';
import { forecast } from '../src/cli/forecast.ts';
import { newSettings } from '../src/cli/pretrain_settings.ts';
import { statedAdapter } from '../src/cli/scale/adapters.ts';
import { heldBytes, ratesOf } from '../src/cli/scale/measure.ts';
import { dispatchTime, type Rates } from '../src/cli/scale/roofline.ts';
import { scaleRow } from '../src/cli/scale/scale.ts';
import { MODEL_SIZES } from '../src/cli/scale/sizes.ts';
import { gpt2Config } from '../src/nn/gpt2_config.ts';
import { countCalls } from '../src/runtime/counters.ts';
import { type Device, openDevice, READ_BYTES } from '../src/runtime/device.ts';
import { languageBatch } from '../src/tasks/language.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { lossBatches, rowsFor } from '../src/train/loss_batches.ts';
import type { PretrainSettings } from '../src/train/presets.ts';
import { SAMPLE_TOKENS } from '../src/train/run_plans.ts';
import { modelFile, optimizerFile } from '../src/train/snapshot.ts';
import { stepFlops } from '../src/train/step_time.ts';
import { run } from './harness/inside.ts';
import { scratchFolder, tiny } from './harness/program.ts';
import { ids, vocabSize } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const open = () => openDevice(wanted ? { adapter: wanted } : {});
let device: Device;
beforeAll(async () => {
  device = await open();
});
afterAll(() => device.close());

const MIB = 2 ** 20;
const VALIDATION = 60;
const text = { vocabSize, validationTokens: VALIDATION, promptTokens: 8 };
const small = newSettings('moby-small', { layers: 2, width: 32, context: 32, batch: 8 });
const options = { seed: 1 };

/** Does on a fresh device all that a run does, and tells the most that was held there. */
async function peakOf(settings: PretrainSettings, memoryLimit?: number): Promise<number> {
  const fresh = await open();
  try {
    const { trainer, generator, model, optimizer, rows } = fittingRun(fresh, settings, text, {
      ...options,
      memoryLimit,
    });
    const { batch, accumulate, context } = settings;
    const one = () => {
      const inputs = Int32Array.from({ length: batch * context }, (_, i) => ids[i % ids.length]!);
      return languageBatch({ inputs, targets: inputs }, context);
    };
    const next = () => ({ batches: Array.from({ length: accumulate }, one), learningRate: 0.01 });
    for await (const _ of trainer.advance(3, next)) {
    }
    const read = (start: number, n: number) => ids.subarray(start, start + n);
    const weights = trainer.ema ? (['trained', 'ema'] as const) : (['trained'] as const);
    for (const each of weights)
      await trainer.evaluate(lossBatches({ length: VALIDATION, read }, context, rows), undefined, each);
    // Once the context is full all shapes have been seen.
    for await (const _ of generator.generate([...ids.slice(0, 8)], {
      maxNewTokens: Math.min(SAMPLE_TOKENS, context),
    })) {
    }
    await modelFile(fresh, model);
    await optimizerFile(fresh, optimizer);
    return fresh.shared.buffers.peakBytes;
  } finally {
    fresh.close();
  }
}

describe('a forecast', () => {
  test.each<[string, Partial<PretrainSettings>]>([
    ['a plain run', {}],
    ['batches accumulated, blocks computed again', { batch: 2, accumulate: 4, recompute: true }],
    ['Muon, averaged weights and dropout', { optimizer: 'muon', ema: 0.99, dropout: 0.1, learningRate: 0.02 }],
  ])('is the most that %s then holds', async (_, changes) => {
    const settings = { ...small, ...changes };
    const before = device.shared.buffers.created;
    const { memory } = fittingRun(device, settings, text, options);
    expect(device.shared.buffers.created).toBe(before); // nothing is allocated for it
    expect(await peakOf(settings)).toBe(memory.total);
    expect(memory.total).toBe(Object.values(memory.bytes).reduce((a, b) => a + b));
  });

  test('knows where bytes go: recompute keeps fewer activations, Muon has one moment a matrix, averages are weights again', () => {
    const of = (changes: Partial<PretrainSettings>) =>
      fittingRun(device, { ...small, ...changes }, text, options).memory.bytes;
    const plain = of({});
    const deep = { layers: 6, batch: 32 };
    expect(of({ ...deep, recompute: true }).activations).toBeLessThan(0.7 * of(deep).activations);
    expect(of({ optimizer: 'muon' }).optimizer).toBeLessThan(plain.optimizer);
    expect(of({ ema: 0.9 }).ema).toBe(plain.parameters);
    expect(plain.ema).toBe(0);
  });

  test('has an evaluation that follows from settings alone, whatever memory there is', () => {
    const long = { ...text, validationTokens: 10_000 };
    const { rows, memory } = fittingRun(device, small, long, options);
    expect(rows).toBe(8 * small.batch);
    const tight = { ...options, memoryLimit: memory.total / MIB };
    expect(fittingRun(device, small, long, tight).rows).toBe(rows);
    const { run: none } = forecast(device, small, long, { ...options, memoryLimit: (memory.total - 1) / MIB });
    expect(none).toBe(null);
    const found = [rowsFor(1e6, 64), rowsFor(1e6, 64, 2), rowsFor(129, 64, 2), rowsFor(1e6, 8192, 4)];
    expect(found).toEqual([64, 16, 2, 1]);
  });

  test('of GPT-2 with 124 million parameters counts each of them once', () => {
    const found = forecast(device, newSettings('verdict-124m', { tied: true }), { ...text, vocabSize: 50257 }, options);
    const { parameters, gradients } = found.memory!.bytes;
    expect(parameters).toBeGreaterThanOrEqual(4 * 123_849_984);
    expect(parameters).toBeLessThan(4.01 * 123_849_984);
    expect(gradients / parameters).toBeCloseTo(1, 3);
  });

  test('counts what a save reads, which comes in slices', async () => {
    const { buffers } = device.shared;
    const size = READ_BYTES / 4 + 1000;
    const large = new Tensor({
      kind: 'state',
      name: 'large',
      shape: [size],
      init: () => Float32Array.from({ length: size }, (_, i) => i),
    });
    await device.read(large);
    const values = await device.read(large);
    expect(values.every((x: number, i: number) => x === i)).toBe(true);
    expect(buffers.peakBytes).toBeLessThan(4 * size + READ_BYTES + 4096);
    device.release([large]);
  });
});

describe('a run that does not fit', () => {
  const settings = { ...small, layers: 4, batch: 12, context: 64 };
  const totalOf = (changes: Partial<PretrainSettings>) =>
    fittingRun(device, { ...settings, ...changes }, text, options).memory.total;
  /** Just below what these settings need. */
  const under = (changes: Partial<PretrainSettings>) => (totalOf(changes) - 256) / MIB;
  const refused = (memoryLimit: number) => {
    const found = forecast(device, settings, text, { ...options, memoryLimit });
    expect(found.run).toBe(null);
    return { ...found, changes: found.proposal?.changes };
  };

  test.each<[string, () => number, object]>([
    ['smaller batches, as large as they may be', () => under({}), { batch: 6, accumulate: 2 }],
    ['batches of one', () => under({ batch: 2, accumulate: 6 }), { batch: 1, accumulate: 12 }],
    ['to compute again', () => under({ batch: 1, accumulate: 12 }), { recompute: true }],
    ['a shorter context', () => under({ batch: 1, accumulate: 12, recompute: true }), { context: 32 }],
  ])('gets a proposal that fits: %s', (_, limit, changes) => {
    const found = refused(limit());
    expect(found.changes).toMatchObject(changes);
    const { batch = settings.batch, accumulate = 1 } = found.changes!;
    expect(batch * accumulate).toBe(settings.batch);
    const planned = fittingRun(device, { ...settings, ...found.changes }, text, { ...options, memoryLimit: limit() });
    expect(planned.memory.total).toBe(found.proposal!.memory.total);
    expect(planned.memory.total).toBeLessThanOrEqual(limit() * MIB);
  });

  test('gets the largest batch that fits, also where a smaller one needs more: its logits are few enough to be kept', () => {
    const wide = { ...text, vocabSize: 100_000 };
    const total = (batch: number) =>
      fittingRun(device, { ...settings, batch, accumulate: 12 / batch }, wide, options).memory.total;
    expect(total(4)).toBeGreaterThan(total(6));
    const { proposal } = forecast(device, settings, wide, { ...options, memoryLimit: total(6) / MIB });
    expect(proposal!.changes).toEqual({ batch: 6, accumulate: 2 });
  });

  test('and the proposal runs within the limit', async () => {
    for (const changes of [
      { batch: 4, accumulate: 3 },
      { batch: 1, accumulate: 12 },
    ]) {
      const memoryLimit = under(changes);
      const { proposal } = refused(memoryLimit);
      expect(await peakOf({ ...settings, ...proposal!.changes }, memoryLimit)).toBeLessThanOrEqual(memoryLimit * MIB);
    }
  });

  test('because of one buffer gets a proposal too', async () => {
    const modest = await openDevice({ ...(wanted && { adapter: wanted }), limits: 'default' });
    try {
      const wide = { ...small, layers: 1, width: 256, context: 1024, batch: 192 };
      const { refusal, proposal } = forecast(modest, wide, text, options);
      expect(refusal).toMatch(
        /^model: one buffer \(.+\) needs \d+ MiB, this adapter allows 128 MiB; in all .* Use --batch \d+ --accumulate \d+: then it needs \d+ MiB\.$/,
      );
      expect(proposal!.memory.buffers[0]!.bytes).toBeLessThanOrEqual(128 * MIB);
    } finally {
      modest.close();
    }
  });

  test('whatever is done about it is told so, with the class that is too large', () => {
    const { parameters, gradients, optimizer } = fittingRun(device, settings, text, options).memory.bytes;
    const found = refused((1.02 * (parameters + gradients + optimizer)) / MIB);
    expect(found.proposal).toBe(null);
    expect(found.refusal).toMatch(
      /^model: training needs .* MiB \(activations .* MiB.*\), --memory-limit allows \d+ kB\. A smaller model is needed \(even with --batch 1 --accumulate 12 --recompute --context 8 it needs .* (MiB|kB), most of it \w+ \d+ kB\): fewer --layers \(4\) or a smaller --width \(32\)\.$/,
    );
  });
});

describe('known sizes on adapters that are not here', () => {
  const row = (size: string, adapter: string, typed: Partial<PretrainSettings> = {}) =>
    scaleRow(MODEL_SIZES.get(size)!, statedAdapter(adapter), typed);

  test('have as many parameters as their authors say', () => {
    const found = Object.fromEntries([...MODEL_SIZES].map(([name, { parameters }]) => [name, parameters]));
    expect(found).toEqual({
      gpt2: 124_439_808,
      'gpt2-medium': 354_823_168,
      'gpt2-large': 774_030_080,
      'gpt2-xl': 1_557_611_200,
      'smollm2-135m': 134_515_008,
      'llama-3.2-1b': 1_235_814_400,
    });
  });

  test('GPT-2 XL does not fit into 8 GB, whatever is tried, and fits into 80 with batches that are accumulated', () => {
    const laptop = row('gpt2-xl', 'laptop-8gb');
    expect(laptop).toMatchObject({
      fits: false,
      time: null,
      settings: { batch: 1, recompute: true, optimizer: 'muon' },
    });
    expect(laptop.memory!.total).toBeGreaterThan(12 * 1_557_611_200);
    const card = row('gpt2-xl', 'card-80gb');
    expect(card).toMatchObject({ fits: true, settings: { batch: 8, accumulate: 4, optimizer: 'adamw' } });
    expect(card.memory!.total).toBeLessThan(0.9 * 80 * 2 ** 30);
    // 6 operations a weight and token at least, at the speed that is assumed.
    expect(card.time!.seconds).toBeGreaterThan(
      (6 * 1_557_611_200 * card.tokensPerStep) / card.adapter.rates!.flopPerSecond,
    );
    expect(card.time!.boundByFlops).toBeGreaterThan(0.9);
  });

  test('Llama 3.2 1B takes 16 bytes a parameter beside its activations; f16 halves those, computing again does more', () => {
    const of = (typed: Partial<PretrainSettings>) => row('llama-3.2-1b', 'card-80gb', { batch: 4, ...typed });
    const { bytes } = of({}).memory!;
    expect((bytes.parameters + bytes.gradients + bytes.optimizer) / 1_235_814_400).toBeCloseTo(16, 2);
    expect(of({ dtype: 'f16' }).memory!.bytes.activations).toBeLessThan(0.8 * bytes.activations);
    expect(of({ recompute: true }).memory!.bytes.activations).toBeLessThan(0.5 * bytes.activations);
  });

  test('a step counted by formula is about what its plan counts, for either family', () => {
    for (const size of ['gpt2', 'llama-3.2-1b']) {
      const { settings, time, model } = row(size, 'card-80gb', { batch: 8, accumulate: 2 });
      const ratio = stepFlops(model.make(settings.context).config, settings) / time!.flops;
      expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
    }
  });

  test('settings that a person gives are kept', () => {
    const found = row('gpt2', 'laptop-8gb', {
      batch: 2,
      accumulate: 3,
      recompute: true,
      optimizer: 'muon',
      context: 256,
    });
    expect(found).toMatchObject({ fits: true, tokensPerStep: 2 * 3 * 256 });
    expect(found.settings).toMatchObject({ batch: 2, accumulate: 3, recompute: true, optimizer: 'muon', context: 256 });
  });

  test('a dispatch takes what its arithmetic or its bytes take, and its start', () => {
    const rates: Rates = { flopPerSecond: 1e12, bytesPerSecond: 1e11, secondsPerDispatch: 1e-5 };
    const [dispatch] = fittingRun(device, small, text, options).step[0]!.dispatches;
    const bound = { ...dispatch!.bindings[0]!, buffer: { kind: 'arena', slot: 0 }, offset: 0, size: 1e6 } as const;
    const timed = (flops: number | null) => dispatchTime({ ...dispatch!, bindings: [bound], flops }, rates);
    expect(timed(null)).toEqual({ seconds: 1e-5 + 1e-5, byFlops: false });
    expect(timed(1e6)).toEqual({ seconds: 1e-5 + 1e-5, byFlops: false });
    expect(timed(1e9)).toEqual({ seconds: 1e-3 + 1e-5, byFlops: true });
    const kernels = new Map([[dispatch!.kernel, { flopPerSecond: 1e9 }]]);
    expect(dispatchTime({ ...dispatch!, flops: 1e9 }, { ...rates, kernels }).seconds).toBeCloseTo(1, 4);
  });

  test('measured rates are what the dispatches did in their time, without its start', () => {
    const [dispatch] = fittingRun(device, small, text, options).step[0]!.dispatches;
    const timed = (kernel: string, ms: number, bytes: number, flops: number | null) => ({
      dispatch: { ...dispatch!, kernel, flops },
      ms,
      bytes,
      times: 1,
    });
    const dispatches = [
      timed('light', 0.1, 100, null),
      timed('matmul_a', 10.1, 1e6, 1e9),
      timed('add', 2.1, 1e7, null),
    ];
    const rates = ratesOf([{ profile: { dispatches, stepMs: 20, rounds: 3 } }]);
    expect(rates.secondsPerDispatch).toBeCloseTo(1e-4, 9);
    expect(rates.flopPerSecond / 1e11).toBeCloseTo(1, 6);
    expect(rates.kernels!.get('add')).toEqual({ bytesPerSecond: expect.closeTo(5e9, -3) });
    // Another kernel of the family has its rate.
    expect(rates.kernels!.get('matmul*')).toEqual(rates.kernels!.get('matmul_a'));
  });
});

test.each(['TINY', 'SMALL', 'WIDE'])('%s holds what was forecast, within a twentieth', async (name) => {
  const fresh = await open();
  try {
    const { config, batch } = WORKLOADS[name]!;
    const { nLayer: layers, nHead: heads, nEmbd: width, blockSize: context } = config;
    const settings = newSettings('', { layers, heads, width, context, batch, sampleEvery: 0 });
    const validationTokens = batch * context + 1;
    const sizes = { vocabSize: config.vocabSize, validationTokens, promptTokens: 1 };
    const made = fittingRun(fresh, settings, sizes, options);
    const held = await heldBytes(fresh, made, settings, validationTokens);
    expect(Math.abs(made.memory.total / held - 1)).toBeLessThan(0.05);
  } finally {
    fresh.close();
  }
});

test('where the vocabulary is what is too large, that is said', () => {
  const many = { ...text, vocabSize: 1e8 };
  expect(() => forecast(device, { ...small, layers: 1 }, many, { ...options, memoryLimit: 1000 })).toThrow(
    /A smaller model is needed: a tokenizer with fewer than 100,000,000 tokens \(--tokenizer byte has 256\) or a smaller --width \(32\)\.$/,
  );
});

/** What inspect --forecast --json prints. */
interface Told {
  memory: Record<string, number>;
  classes: Record<string, number>;
  largest: object[];
  fits: boolean;
  estimate: { secondsPerStep: number; seconds: number };
}

describe('commands', () => {
  const place = scratchFolder();
  afterAll(() => place.remove());
  const words = ['--data', place.data, '--steps', '2', '--json', '--quiet'];
  const sizes = ['--batch', '16', '--context', '32', '--sample-every', '2'];

  test('inspect --forecast tells what pretrain will tell, and an estimate of the time', async () => {
    const same = ['--preset', 'moby-small', '--ema', '0.9', ...tiny(sizes), ...words];
    const asked = await run(['inspect', '--forecast', ...same]);
    expect(asked.code, asked.stderr).toBe(0);
    const [found, ...more] = asked.lines as unknown as [Told, ...unknown[]];
    expect(more).toEqual([]);
    const ran = await run(['pretrain', ...same, '--out', place.at('run')]);
    expect(ran.code, ran.stderr).toBe(0);
    const start = ran.lines.find((line) => line.event === 'start')!.memory as Record<string, number>;
    expect(Object.keys(start)).toEqual(['parameters', 'gradients', 'optimizer', 'activations', 'total']);
    expect(found.memory).toEqual(start);
    expect(found.classes.ema).toBe(found.classes.parameters);
    expect(Object.values(found.classes).reduce((a, b) => a + b)).toBe(start.total);
    expect(found.fits).toBe(true);
    expect(found.largest.length).toBe(3);
    expect(found.estimate.secondsPerStep).toBeGreaterThan(0);
    expect(found.estimate.seconds).toBeCloseTo(2 * found.estimate.secondsPerStep, 9);
  });

  test('inspect --forecast of a known size, by plans alone', async () => {
    const { code, lines, stderr } = await run([
      ...['inspect', '--forecast', '--model-size', 'gpt2', '--on', 'laptop-8gb', '--json', '--quiet'],
    ]);
    expect(code, stderr).toBe(0);
    const { rows, checks } = lines[0] as unknown as { rows: Record<string, unknown>[]; checks: unknown };
    expect(checks).toBe(null);
    expect(rows).toMatchObject([{ model: 'gpt2', adapter: 'laptop-8gb', fits: true, parameters: 124_439_808 }]);
    const { tokensPerSecond } = rows[0]!.estimate as { tokensPerSecond: number };
    expect(tokensPerSecond).toBeGreaterThan(1000);
    const none = await run(['inspect', '--forecast', '--model-size', 'gpt2-xl', '--on', 'laptop-8gb', '--json']);
    expect(none.code).toBe(2);
    expect(none.errors[0]).toMatch(/^model: gpt2-xl does not fit on laptop-8gb\. .*--on card-80gb\.$/);
  });

  test.each([
    [['--scale'], '--scale: found without --forecast, expected with it. Add --forecast.'],
    [['--forecast', '--on', 'here'], '--on: found without --model-size, expected with it. Name a size.'],
    [['--forecast', '--scale', '--on', 'here'], '--scale: found together with --on, expected one of the two.'],
    [
      ['--forecast', '--model-size', 'gpt2', '--layers', '3'],
      '--layers: found together with --model-size, expected one of the two.',
    ],
  ])('known sizes contradict other flags: %j', async (words, message) => {
    const { code, errors } = await run(['inspect', ...words, '--json']);
    expect(code).toBe(2);
    expect(errors[0]).toBe(message);
  });

  test('pretrain refuses with flags to add, and with them it runs within the limit', async () => {
    const asked = await run(['inspect', '--forecast', ...tiny(sizes), ...words]);
    const limit = `${(asked.lines[0]!.memory as { total: number }).total / MIB - 0.001}`;
    for (const command of ['inspect', 'pretrain']) {
      const more = command === 'inspect' ? ['--forecast'] : ['--out', place.at('small')];
      const no = await run([command, ...tiny(sizes), ...words, '--memory-limit', limit, ...more]);
      expect(no.code).toBe(2);
      if (command === 'inspect') expect(no.lines).toMatchObject([{ fits: false, estimate: null }]);
      expect(no.errors[0]).toMatch(
        /^model: training needs .* Use --batch \d+ --accumulate \d+: then it needs .* (MiB|kB)\.$/,
      );
      const [, batch, accumulate] = no.errors[0]!.match(/--batch (\d+) --accumulate (\d+)/)!;
      const instead = ['--batch', batch!, '--accumulate', accumulate!, ...sizes.slice(2)];
      const { bytes, stop } = countCalls();
      const yes = await run([command, ...tiny(instead), ...words, '--memory-limit', limit, ...more]);
      stop();
      expect(yes.code, yes.stderr).toBe(0);
      expect(bytes.peak).toBeLessThanOrEqual(Number(limit) * MIB);
      const start = yes.lines.find((line) => line.event === 'start')?.memory as Record<string, number> | undefined;
      if (start) expect(Math.abs(bytes.peak / start.total! - 1)).toBeLessThan(0.05);
    }
  });
});

test('a step of GPT-2 124M is about 390 GFLOP; computing blocks again adds less than a third, accumulating multiplies', () => {
  const config = gpt2Config({ vocabSize: 50257, blockSize: 256, nEmbd: 768, nLayer: 12, nHead: 12 });
  const once = stepFlops(config, { batch: 2 });
  expect(once / 1e9).toBeCloseTo(394.2, 0);
  expect(stepFlops(config, { batch: 2, recompute: true }) / once).toBeCloseTo(1.25, 1);
  expect(stepFlops(config, { batch: 2, accumulate: 3 })).toBe(3 * once);
  expect(stepFlops(config, { batch: 2, optimizer: 'muon' })).toBeGreaterThan(once);
  // Beyond 128 MiB the logits are made a second time for the backward pass.
  expect(stepFlops(config, { batch: 4 }) - 2 * once).toBe(2 * 4 * 256 * 50257 * 768);
});
