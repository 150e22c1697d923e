// A trace of an encoder-decoder: its training on pairs of texts, and greedy translations of a longer one through both caches, that of
// the source's keys and values and that of what is written.
import type { Batch } from '../../autograd/machine.ts';
import { text } from '../../checkpoint/fields.ts';
import { SourceDecoder } from '../../generate/source_decoder.ts';
import type { EncoderDecoder } from '../../nn/encoder_decoder.ts';
import { translateTask } from '../../tasks/translate.ts';
import { number, record } from './fields.ts';
import { type GoldenTensor, tolerance } from './folder.ts';
import { load, type TraceRun } from './trace_run.ts';
import { batches, checkSteps, compareLogits } from './trace_training.ts';
import type { Verdict } from './verdict.ts';

export async function checkTranslation(run: TraceRun<EncoderDecoder>): Promise<Verdict[]> {
  const { folder, trace, model, dtype } = run;
  const where = `${trace.dir}/trace.json`;
  const description = await folder.json(where);
  const settings = record(description.get('hyperparameters'), `${where}: hyperparameters`);
  const task = translateTask({
    dtype,
    labelSmoothing: number(settings, 'label_smoothing', `${where}: hyperparameters`),
  });
  const tensor = (name: string) => folder.tensor(`${trace.dir}/trace.safetensors`, name);
  const steps = await stepBatches(tensor);
  await load(run, text(description, 'initial', where));
  const start = await compareLogits(
    run,
    steps[0]!,
    ({ source, sourceMask, inputs }) =>
      model.head(model.hidden({ source: source!, mask: sourceMask!, ids: inputs! }, { dtype })),
    (await tensor('logits_step0')).data,
    'logits_step0',
  );
  const { verdicts } = await checkSteps(run, { batches: steps, loss: (batch) => task.loss(model, batch) });
  return [start, ...verdicts, ...(await checkGreedy(run))];
}

/** As translateTask takes them. In these files a source has no end of its own. */
async function stepBatches(tensor: (name: string) => Promise<GoldenTensor>): Promise<Batch[]> {
  const [source, sourceMask, inputs, targets] = [
    batches(await tensor('src_ids')),
    batches(await tensor('src_mask')),
    batches(await tensor('tgt_in')),
    batches(await tensor('tgt_out')),
  ];
  return source.map((each, t) => ({
    source: each,
    sourceMask: sourceMask[t]!,
    inputs: inputs[t]!,
    targets: targets[t]!,
  }));
}

/** Greedy tokens must be the same up to the first end, and the logits behind each of them within tolerance. */
async function checkGreedy(run: TraceRun<EncoderDecoder>): Promise<Verdict[]> {
  const { folder, trace, judge } = run;
  if (!trace.files.includes('generation.json')) return [];
  const where = `${trace.dir}/generation.json`;
  const description = await folder.json(where);
  const tensor = (name: string) => folder.tensor(`${trace.dir}/generation.safetensors`, name);
  const [tokens, logits] = [await tensor('tokens'), await tensor('logits')];
  await load(run, text(description, 'weights', where));
  const count = number(description, 'n_new_tokens', where);
  const got = await greedy(run, await tensor('src_ids'), await tensor('src_mask'), {
    count,
    first: number(description, 'start_token', where),
  });
  const limits = await limitsOf(run, logits);
  const V = logits.shape.at(-1)!;
  const last = number(description, 'eos_token', where);
  return got.flatMap((row, b) => {
    const expected = Array.from(tokens.data.subarray(b * count, (b + 1) * count), Number);
    const length = expected.includes(last) ? expected.indexOf(last) + 1 : count;
    const behind = logits.data.subarray(b * count * V, (b * count + length) * V);
    const [own, ownLogits] = [row.tokens.slice(0, length), row.logits.subarray(0, length * V)];
    return [
      judge.compare(`generation: tokens ${b}`, Int32Array.from(own), Int32Array.from(expected.slice(0, length)), {
        atol: 0,
        rtol: 0,
      }),
      judge.compare(`generation: logits ${b}`, ownLogits, behind, limits),
    ];
  });
}

/** The tolerance of logits, made for those of the start, for others of another size. */
async function limitsOf({ folder, trace }: TraceRun<EncoderDecoder>, { data }: GoldenTensor) {
  const where = `${trace.dir}/trace.json`;
  const check = record((await folder.json(where)).get('check'), `${where}: check`).get('logits_step0');
  const { atol, rtol } = tolerance(check, `${where}: check.logits_step0`);
  const size = number(record(check, `${where}: check.logits_step0`), 'rms', `${where}: check.logits_step0`);
  const own = Math.sqrt(Array.from(data, Number).reduce((sum, x) => sum + x ** 2, 0) / data.length);
  return { atol: atol * Math.max(1, own / size), rtol };
}

/** For each source what is written, all side by side, and the logits (count,V) that each token was chosen by. */
async function greedy(
  { machine, model, dtype }: TraceRun<EncoderDecoder>,
  source: GoldenTensor,
  mask: GoldenTensor,
  { count, first }: { count: number; first: number },
): Promise<{ tokens: number[]; logits: Float32Array }[]> {
  const [rows, width] = source.shape as [number, number];
  const sources = Array.from({ length: rows }, (_, b) =>
    Array.from(source.data.subarray(b * width, (b + 1) * width), Number).filter(
      (_, s) => mask.data[b * width + s] === 1,
    ),
  );
  const V = model.vocabSize;
  const written = Array.from({ length: rows }, () => ({ tokens: [] as number[], logits: new Float32Array(count * V) }));
  const decoder = new SourceDecoder(machine, model, { sources: rows, beams: 1, width, capacity: count }, { dtype });
  try {
    await decoder.begin(sources);
    for (let t = 0; t < count; t++) {
      const last = written.map(({ tokens }) => [tokens.at(-1) ?? first]);
      const logits = await (await decoder.decoder.feed(last, Array<number>(rows).fill(t), 'logits')).read();
      written.forEach((row, b) => {
        const own = (logits as Float32Array).subarray(b * V, (b + 1) * V);
        row.logits.set(own, t * V);
        row.tokens.push(own.indexOf(Math.max(...own)));
      });
    }
    return written;
  } finally {
    decoder.release();
  }
}
