// bench: the fixed workloads, timed as peers time them, one JSON line each.
import { readFile } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { parameterCount } from '../../nn/model.ts';
import { AdamW } from '../../optim/adamw.ts';
import { type Counts, countCalls } from '../../runtime/counters.ts';
import type { Device } from '../../runtime/device.ts';
import { median } from '../../runtime/profile.ts';
import { LONGEST_PAUSE } from '../../runtime/waiter.ts';
import { languageBatch, languageTask } from '../../tasks/language.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { stepFlops } from '../../train/step_time.ts';
import { Trainer } from '../../train/trainer.ts';
import { tableText } from '../../tune/stored_table.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { DTYPE_FLAG, dtypeOn } from '../dtype.ts';
import { defineFlags } from '../flags.ts';
import { deviceFor } from '../open_device.ts';
import { MODEL_SIZES } from '../scale/sizes.ts';
import { version } from '../version.ts';
import { benchDecode, fixedModel } from './decode.ts';
import { productsOf, round, timeProducts } from './products.ts';
import { ratioTable, readBenchLines } from './table.ts';
import { fixedBatch, LEARNING_RATE, OPTIMIZER, WORKLOADS } from './workloads.ts';

const flags = defineFlags([
  { name: 'warm', type: 'integer', min: 1, max: 1000, default: 3, unit: 'steps', help: 'before the timed ones' },
  {
    name: 'iterations',
    type: 'integer',
    min: 1,
    max: 10000,
    default: 10,
    unit: 'steps',
    help: 'each timed with its own loss read',
  },
  {
    name: 'block',
    type: 'integer',
    min: 1,
    max: 60,
    default: 5,
    unit: 'steps',
    help: 'timed together with one read at the end',
  },
  { ...DTYPE_FLAG, default: 'f32' },
  {
    name: 'waiting',
    type: 'choice',
    choices: ['hold', 'await'],
    default: 'hold',
    help: `hold: in pauses of at most ${LONGEST_PAUSE} ms, which spares a software adapter a spinning thread; await: let it spin, as peers do`,
  },
]);

/** Flags that are of training steps. */
const STEPS = ['warm', 'iterations', 'block'] as const;

const WAITING = {
  hold: 'holds the thread in short pauses',
  await: 'awaits at once',
} as const;

export const bench = defineCommand({
  name: 'bench',
  summary: 'times a fixed workload: a training step, decoding, or a matrix product; or sets timings side by side',
  flags,
  examples: [
    'bench train TINY',
    'bench train WIDE --adapter swiftshader --json',
    'bench decode',
    'bench decode smollm2-135m',
    'bench matmul 512',
    'bench matmul TINY',
    'bench table times.jsonl',
  ],
  positionals: [
    { name: 'WORKLOAD', help: 'train, decode, matmul or table', required: true },
    {
      name: 'SIZE',
      help: `${Object.keys(WORKLOADS).join(', ')}, of matmul every product of its step; N of an N x N product; of decode ${[...MODEL_SIZES.keys()].join(', ')}, with random weights; files of JSON lines for a table`,
      variadic: true,
    },
  ],
  async run(context, given, [workload = '', ...words]) {
    const [size = ''] = words;
    if (workload === 'table') {
      context.out.print(ratioTable((await Promise.all(words.map(readLines))).flat()));
      return 0;
    }
    const [least, most] = { train: [1, 1], matmul: [1, 1], decode: [0, 1] }[workload] ?? [1, 0];
    if (words.length < least! || words.length > most!)
      throw new InputError(
        `bench: found ${JSON.stringify([workload, ...words].join(' '))}, expected train or matmul with one size, decode alone or with one, or table with files. For example: bench train TINY`,
      );
    const fixed = WORKLOADS[size];
    const n = Number(size);
    if (!fixed && workload === 'train')
      throw new InputError(
        `bench train: found ${JSON.stringify(size)}, expected one of ${Object.keys(WORKLOADS).join(', ')}.`,
      );
    if (!fixed && workload === 'matmul' && !(Number.isInteger(n) && n >= 1 && n <= 16384))
      throw new InputError(
        `bench matmul: found ${JSON.stringify(size)}, expected a whole number from 1 to 16384, or one of ${Object.keys(WORKLOADS).join(', ')}.`,
      );
    const published = MODEL_SIZES.get(size);
    if (!published && workload === 'decode' && size !== '')
      throw new InputError(
        `bench decode: found ${JSON.stringify(size)}, expected nothing or one of ${[...MODEL_SIZES.keys()].join(', ')}.`,
      );
    const own = workload !== 'train' && STEPS.find((name) => context.given.has(name));
    if (own)
      throw new InputError(`--${own}: found with bench ${workload}, expected with bench train alone. Leave it out.`);
    const device = await deviceFor(context, given);
    if (given.waiting === 'await') device.waiter.holds = false;
    try {
      const dtype = dtypeOn(device, given.dtype, context.out);
      if (workload === 'train')
        report(context, device, given.waiting, await benchTrain(device, size, { ...given, dtype }));
      else if (workload === 'decode')
        report(context, device, given.waiting, await benchDecode(device, dtype, published));
      else {
        const products = fixed ? productsOf(fixed) : [{ layout: 'NN' as const, M: n, N: n, K: n }];
        for (const figures of await timeProducts(device, products, dtype))
          report(context, device, given.waiting, { workload, ...figures });
      }
    } finally {
      device.close();
    }
    return 0;
  },
});

/** @throws InputError for a file that cannot be read, or holds other lines */
async function readLines(file: string) {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      `${file}: cannot be read (${error.code}), expected lines as bench --json prints them. Check the path.`,
    );
  });
  return readBenchLines(text, file);
}

async function benchTrain(
  device: Device,
  name: string,
  { warm, iterations, block, dtype }: { warm: number; iterations: number; block: number; dtype: Precision },
): Promise<object> {
  const workload = WORKLOADS[name]!;
  const { config } = workload;
  const counters = countCalls();
  try {
    const model = fixedModel(workload);
    const trainer = new Trainer({
      machine: device,
      model,
      optimizer: new AdamW(model.parameters, { ...OPTIMIZER, lossScale: dtype === 'f16' }),
      task: languageTask({ dtype }),
    });
    const step = device.compile(trainer.stepFunction);
    const batch = languageBatch(fixedBatch(workload), config.blockSize);
    const run = async () => (await step(batch, { learningRate: LEARNING_RATE })).meanLoss!;

    let since = performance.now();
    const losses = [await (await run()).item()];
    const firstStep = performance.now() - since;
    for (let i = 1; i < warm; i++) losses.push(await (await run()).item());
    const before = { ...counters.counts };
    const times: number[] = [];
    for (let i = 0; i < iterations; i++) {
      since = performance.now();
      losses.push(await (await run()).item());
      times.push(performance.now() - since);
    }
    const perStep = perIteration(before, counters.counts, iterations);
    since = performance.now();
    let last = await run();
    for (let i = 1; i < block; i++) last = await run();
    losses.push(await last.item());
    const blockMs = (performance.now() - since) / block;
    const ms = median(times);
    return {
      workload: 'train',
      config: name,
      params: parameterCount(model),
      ...(dtype === 'f16' && { dtype }),
      median_ms: round(ms),
      min_ms: round(Math.min(...times)),
      block_ms: round(blockMs),
      tokens_per_s: round((workload.batch * config.blockSize * 1000) / ms, 1),
      gflops: round(stepFlops(config, { ...workload, dtype }) / ms / 1e6),
      first_step_ms: Math.round(firstStep),
      gpu_peak_mb: Math.round(counters.bytes.peak / 2 ** 20),
      per_step: perStep,
      loss: losses.slice(0, 4).map((x) => round(x, 5)),
      loss_last: round(losses.at(-1)!, 5),
      steps: warm + iterations + block,
    };
  } finally {
    counters.stop();
  }
}

function report({ out }: CommandContext, device: Device, waiting: keyof typeof WAITING, figures: object): void {
  const line = {
    peer: 'shaderformer',
    version: version(),
    adapter: device.name,
    kernels: `${device.kernelsFrom}: ${tableText(device.kernels)}`,
    ...figures,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    waiting: WAITING[waiting],
    when: new Date().toISOString(),
  };
  out.status('');
  out.emit(line);
  for (const [name, value] of Object.entries(line))
    out.print(`${name.padEnd(14)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
}

function perIteration(before: Counts, after: Counts, n: number): Record<string, number> {
  return Object.fromEntries(
    Object.keys(before).map((k) => [k, round((after[k as keyof Counts] - before[k as keyof Counts]) / n, 1)]),
  );
}
