// Measuring a model: windows that slide, bits a byte, and endings by their mean log-probability, against plain sums over float64 logits.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteTokenizer } from '../src/data/byte.ts';
import { completionsOf, type HellaSwagItem, readHellaSwag } from '../src/data/hellaswag.ts';
import { loadTokenizer } from '../src/data/tokenizer_files.ts';
import { validationWindows } from '../src/data/windows.ts';
import { makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2_config.ts';
import { llamaConfig } from '../src/nn/llama_config.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { Twin, type TwinCompiled } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageTask } from '../src/tasks/language.ts';
import { likeliest, scoreCompletions } from '../src/train/completions.ts';
import { evaluateBatches } from '../src/train/evaluate.ts';
import { lossBatches } from '../src/train/loss_batches.ts';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { scratchFolder, tiny } from './harness/program.ts';
import { testWith } from './harness/shared.ts';
import { text } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const place = scratchFolder();
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
  const words = [...tiny(), '--data', place.data, '--steps', '4', '--sample-every', '0', '--out', place.at('run')];
  const { code, stderr } = await run(['pretrain', ...words, '--quiet']);
  if (code !== 0) throw new Error(stderr);
});
afterAll(() => {
  device.close();
  place.remove();
});

const tokenizer = new ByteTokenizer();
const sizes = { vocabSize: 256, blockSize: 24, nEmbd: 16, nLayer: 2, nHead: 2, initializerRange: 0.4 };
const models: LanguageModel[] = [gpt2Config(sizes), llamaConfig({ ...sizes, kvHeads: 1 })].map((config) =>
  makeModel(config, { seed: 3 }),
);

/** ln p(ids[at] | the tokens from `start` on before it), by the twin's logits and a sum of exponentials. */
function logProbabilities(twin: Twin, model: LanguageModel) {
  const compiled = twin.compile(({ ids }) => ({ logits: model.head(model.hidden(ids!)) })) as TwinCompiled<'logits'>;
  return async (ids: readonly number[], start: number, at: number): Promise<number> => {
    const seen = Int32Array.from(ids.slice(start, at));
    const { exact } = (await compiled({ ids: { shape: [1, seen.length], data: seen } })).logits;
    const last = (exact as Float64Array).slice(-model.vocabSize);
    const most = Math.max(...last);
    return last[ids[at]!]! - most - Math.log(last.reduce((sum, x) => sum + Math.exp(x - most), 0));
  };
}

describe('windows that slide', () => {
  test('predict each token once, from as many before it as there can be', () => {
    const counting = (start: number, n: number) => Int32Array.from({ length: n }, (_, i) => start + i);
    for (const [length, T, B] of [
      [2, 4, 1],
      [5, 4, 2],
      [23, 4, 2],
      [24, 7, 3],
      [25, 8, 1],
    ] as const)
      for (let stride = 1; stride <= T; stride++)
        for (const ends of [[length], [1, Math.ceil(length / 2), length]]) {
          const found = new Map<number, number>();
          for (const { inputs, targets, kept } of validationWindows(length, T, B, counting, ends, stride)) {
            expect(kept).toBe(targets.filter((id) => id >= 0).length);
            targets.forEach((target, i) => {
              if (target < 0) return;
              expect([found.has(target), inputs[i]]).toEqual([false, target - 1]);
              found.set(target, (i % T) + 1);
            });
          }
          const expected = ends.flatMap((end, i) =>
            counting((ends[i - 1] ?? 0) + 1, end - 1 - (ends[i - 1] ?? 0)).valueOf(),
          );
          const tokens = expected.flatMap((each) => [...(each as unknown as Int32Array)]);
          expect([...found.keys()].sort((a, b) => a - b)).toEqual(tokens);
          for (const [token, before] of found) {
            const first = ends.findLast((end) => end <= token) ?? 0;
            expect(before).toBeGreaterThanOrEqual(Math.min(token - first, T - stride + 1));
          }
        }
  });

  test('give the loss of a plain sum over the windows of Hugging Face', async () => {
    const ids = tokenizer.encode(text.slice(0, 90));
    const [T, stride] = [16, 6];
    for (const model of models) {
      const twin = new Twin();
      const logProbability = logProbabilities(twin, model);
      // Its page on perplexity: windows begin at multiples of the stride, and each scores what the one before it has not.
      let [sum, count, done] = [0, 0, 0];
      for (let start = 0; done < ids.length - 1; start += stride) {
        const end = Math.min(start + T, ids.length - 1);
        for (let at = done + 1; at <= end; at++, count++) sum -= await logProbability(ids, start, at);
        done = end;
      }
      const read = (start: number, n: number) => Int32Array.from(ids.slice(start, start + n));
      const batches = () => lossBatches({ length: ids.length, read }, T, 4, stride);
      const told: number[] = [];
      const found = await evaluateBatches(device, model, languageTask(), batches(), (n) => told.push(n));
      expect(found.tokens).toBe(count);
      expect([told.at(-1), told.length]).toEqual([count, expect.any(Number)]);
      expect(Math.abs(found.loss - sum / count)).toBeLessThan(1e-5);
      const exact = await evaluateBatches(twin, model, languageTask(), batches());
      expect(Math.abs(exact.loss - sum / count)).toBeLessThan(1e-6);
      const apart = await evaluateBatches(twin, model, languageTask(), lossBatches({ length: ids.length, read }, T, 4));
      expect(Math.abs(apart.loss - exact.loss)).toBeGreaterThan(1e-4);
    }
  });
});

const items: HellaSwagItem[] = [
  ['A man climbs a ladder. He', ['reaches the roof.', 'sings.', 'is a roof of ladders, and of men.', 'wraps it up']],
  ['Two dogs', ['run over the wet grass behind the house until it is dark', 'bark', 'are three']],
  ['It rains; the pavement', ['dries.', 'shines, and the gutters are full of leaves.']],
].map(([context, endings], i) => ({
  where: `line ${i + 1}`,
  context: context as string,
  endings: endings as string[],
  label: 0,
}));

/** The number of the chosen ending of each item, and the scores of all, from the twin's logits. */
async function chosenByTwin(model: LanguageModel, given: readonly HellaSwagItem[]) {
  const compiled = new Twin().compile(({ ids }) => ({
    logits: model.head(model.hidden(ids!)),
  })) as TwinCompiled<'logits'>;
  const means: number[] = [];
  const choices: number[] = [];
  for (const item of given) {
    const own: number[] = [];
    for (const { ids: all, from } of completionsOf(item, tokenizer)) {
      const cut = Math.max(0, all.length - model.blockSize - 1);
      const ids = all.slice(cut);
      const first = Math.max(1, from - cut);
      const seen = Int32Array.from(ids.slice(0, -1));
      const { exact } = (await compiled({ ids: { shape: [1, seen.length], data: seen } })).logits;
      let sum = 0;
      for (let at = first; at < ids.length; at++) {
        const row = (exact as Float64Array).slice((at - 1) * model.vocabSize, at * model.vocabSize);
        const most = Math.max(...row);
        sum += row[ids[at]!]! - most - Math.log(row.reduce((total, x) => total + Math.exp(x - most), 0));
      }
      own.push(sum / (ids.length - first));
    }
    means.push(...own);
    choices.push(own.indexOf(Math.max(...own)));
  }
  return { means, choices };
}

async function chosenByDevice(model: LanguageModel, given: readonly HellaSwagItem[]) {
  const completions = given.map((item) => completionsOf(item, tokenizer));
  const told: number[] = [];
  const scores = await scoreCompletions(device, model, languageTask(), completions.flat(), (n) => told.push(n));
  expect(told.at(-1)).toBe(scores.length);
  let at = 0;
  const choices = completions.map(({ length }) => likeliest(scores.slice(at, (at += length))));
  return { means: scores.map(({ meanLogProbability }) => meanLogProbability), choices, scores };
}

describe('endings', () => {
  test('are scored by the mean log-probability of their own tokens, and chosen as the twin chooses', async () => {
    for (const model of [...models, makeModel(gpt2Config({ ...sizes, blockSize: 200 }), { seed: 4 })]) {
      const [found, exact] = [await chosenByDevice(model, items), await chosenByTwin(model, items)];
      expect(found.choices).toEqual(exact.choices);
      for (const [i, mean] of found.means.entries()) expect(Math.abs(mean - exact.means[i]!)).toBeLessThan(1e-4);
      const longest = Math.max(
        ...items.flatMap(({ context, endings }) => endings.map((e) => `${context} ${e}`.length)),
      );
      expect(found.scores.some(({ cut }) => cut)).toBe(model.blockSize + 1 < longest);
    }
    // The mean, not the sum: a long ending may win.
    const { choices } = await chosenByDevice(models[0]!, items);
    expect(new Set(choices).size).toBeGreaterThan(1);
  });

  test('begin behind the context, with a space', () => {
    const [{ ids, from }] = completionsOf(items[1]!, tokenizer) as [{ ids: number[]; from: number }];
    expect([from, tokenizer.decode(ids.slice(from))]).toEqual([8, ` ${items[1]!.endings[0]}`]);
    const bare = { ...items[0]!, context: '', endings: ['ab', 'c'] };
    // A space is all that stands before it: the first token that is predicted is the one behind it.
    expect(completionsOf(bare, tokenizer).map(({ from }) => from)).toEqual([1, 1]);
  });

  testWith(
    '../shared/data/eval/hellaswag-val-first1000.jsonl',
    'of 50 items of the data set too',
    async () => {
      const given = readHellaSwag('../shared/data/eval/hellaswag-val-first1000.jsonl', 50);
      expect(given.length).toBe(50);
      const model = makeModel(gpt2Config({ ...sizes, blockSize: 128, nLayer: 1 }), { seed: 5 });
      const [found, exact] = [await chosenByDevice(model, given), await chosenByTwin(model, given)];
      expect(found.choices).toEqual(exact.choices);
      for (const [i, mean] of found.means.entries()) expect(Math.abs(mean - exact.means[i]!)).toBeLessThan(1e-4);
    },
    120_000,
  );
});

describe('evaluate as a command', () => {
  const measure = (...more: string[]) => run(['evaluate', '--model', place.at('run'), '--json', ...more]);
  const refused = async (...more: string[]) => {
    const { code, stdout, errors } = await measure(...more, '--quiet');
    expect([code, stdout, errors.length]).toEqual([2, '', 1]);
    return errors[0]!.replaceAll(place.folder, '');
  };
  const file = (name: string, content: string | Uint8Array) => {
    fs.writeFileSync(place.at(name), content);
    return place.at(name);
  };

  const stories = '../shared/models/stories260K/hf';
  testWith(stories, 'a text stands behind the ids that its tokenizer puts before every text', async () => {
    const text = file('story.txt', `${'Once upon a time there was a cat. '.repeat(70)}The end.`);
    const model = ['--model', stories];
    const read = async (name: string) =>
      await fs.promises.readFile(`${stories}/${name}`, 'utf8').catch(() => undefined);
    const list = (await loadTokenizer(read)).encode(fs.readFileSync(text, 'utf8'));
    expect(list.length).toBeGreaterThan(600);
    const whole = file('whole.json', JSON.stringify([1, ...list]));
    const losses = [];
    for (const words of [
      ['--data', text],
      ['--ids', whole],
    ]) {
      const { code, lines, stderr } = await run(['evaluate', ...model, '--json', '--context', '256', ...words]);
      expect(code, stderr).toBe(0);
      losses.push([lines[0]!.loss, (lines[0] as unknown as { tokens: number }).tokens]);
    }
    expect(losses[0]).toEqual(losses[1]);
    expect(losses[0]![1]).toBe(list.length);
  });

  test('with a stride: the same tokens, from more before them; bits a byte follow from the loss', async () => {
    const bytes = fs.statSync(place.data).size;
    const losses: number[] = [];
    for (const words of [
      [],
      ['--stride', '16'],
      ['--stride', '4'],
      ['--context', '8'],
      ['--context', '8', '--stride', '1'],
    ]) {
      const { code, lines } = await measure('--data', place.data, ...words);
      const { loss, perplexity, tokens, bitsPerByte } = lines[0] as unknown as Record<string, number>;
      expect([code, lines.length, tokens, perplexity]).toEqual([0, 1, bytes - 1, Math.exp(loss!)]);
      expect(bitsPerByte).toBeCloseTo((loss! * tokens!) / Math.LN2 / bytes, 9);
      losses.push(loss!);
    }
    expect(losses[1]).toBe(losses[0]);
    expect(new Set(losses).size).toBe(4);
  });

  test('refuses windows that leave tokens out, and flags of the other task', async () => {
    expect(await refused('--data', place.data, '--stride', '17')).toMatch(
      /^--stride: found 17, expected at most the context, 16: tokens between windows would be left out\.$/,
    );
    expect(await refused('--data', place.data, '--context', '17')).toMatch(/^--context: found 17, expected at most 16/);
    expect(await refused('--data', place.data, '--limit', '3')).toMatch(
      /^--limit: found beside --task language, expected it with --task hellaswag/,
    );
    for (const [flag, value] of [
      ['--stride', '3'],
      ['--ids', 'x'],
      ['--text-field', 'x'],
      ['--context', '3'],
    ] as const)
      expect(await refused('--task', 'hellaswag', '--data', place.data, flag, value)).toMatch(
        new RegExp(`^${flag}: found beside --task hellaswag, expected it with --task language alone`),
      );
    expect(await refused('--task', 'hellaswag')).toMatch(/^--data: found nothing, expected a file/);
  });

  test('refuses ids that are none, in one sentence', async () => {
    for (const [content, said] of [
      ['', /^\/ids\.json: found an empty file/],
      ['[1, 2', /^\/ids\.json: not JSON at byte 5: found the end/],
      ['[1, 2,]', /^\/ids\.json: not JSON at byte 6: found "\]"/],
      ['{"ids": [1]}', /^\/ids\.json: found an object, expected a list of token ids\. For example: \[1, 2, 3\]/],
      ['[1, "2"]', /^\/ids\.json: entry 1: found text "2", expected whole numbers from 0 to/],
      ['[1, 2.5]', /^\/ids\.json: entry 1: found 2\.5/],
      ['[-1]', /^\/ids\.json: entry 0: found -1/],
      ['[9007199254740993]', /^\/ids\.json: entry 0: found 9007199254740993/],
      ['[[1]]', /^\/ids\.json: entry 0: found a list/],
      [`${'['.repeat(200)}`, /^\/ids\.json: .*64 levels/],
      [Uint8Array.of(0x5b, 0x31, 0xc3, 0x28, 0x5d), /^\/ids\.json: found bytes that are not UTF-8 at byte 2/],
      ['<html>', /^\/ids\.json: found a web page/],
    ] as const)
      expect(await refused('--ids', file('ids.json', content))).toMatch(said);
    expect(await refused('--ids', place.at('absent.json'))).toMatch(/^\/absent\.json: found nothing, expected a file/);
    fs.truncateSync(file('ids.json', '[1]'), 2 ** 33);
    expect(await refused('--ids', place.at('ids.json'))).toMatch(
      /^\/ids\.json: found 8589934592 bytes, expected a file/,
    );
    expect(await refused('--ids', place.folder)).toMatch(
      /^: found a folder, expected a file of at most 67108864 bytes/,
    );
  });

  test('tells the accuracy over endings, of as many items as were asked for', async () => {
    const row = (label: unknown) =>
      JSON.stringify({ ctx: 'It is a way', label, endings: ['I have', 'of driving off', 'off'] });
    const data = file('items.jsonl', [0, '1', 2, 0].map(row).join('\n'));
    const { code, lines, stderr } = await measure('--task', 'hellaswag', '--data', data);
    expect(code, stderr).toBe(0);
    // Three labels of one item, each once, and the first once more: one or two of four are right.
    const [{ accuracy, items: count, correct, loss, perplexity, tokens }] = lines as unknown as [
      Record<string, number>,
    ];
    expect([count, [1, 2].includes(correct!), accuracy]).toEqual([4, true, correct! / 4]);
    expect([perplexity, tokens]).toEqual([Math.exp(loss!), 7 + 15 + 4 + 7]);
    const first = await measure('--task', 'hellaswag', '--data', data, '--limit', '3');
    expect(first.lines[0]).toMatchObject({ items: 3, correct: 1 });
    const shown = await run([
      'evaluate',
      '--model',
      place.at('run'),
      '--task',
      'hellaswag',
      '--data',
      data,
      '--limit',
      '3',
    ]);
    expect(shown.stdout).toMatch(/^accuracy 33\.3 % \(± 27\.2 %\): 1 of 3 items; guessing gives 33\.3 %\n$/);
  });

  test('refuses items that are none, naming the line', async () => {
    const good = '{"ctx":"It is","label":0,"endings":["a","b"]}';
    for (const [content, said] of [
      [`${good}\n\n{"ctx":`, /^\/items\.jsonl: line 3: not JSON/],
      ['[]', /^\/items\.jsonl: line 1: found a list, expected an object with ctx, endings and label/],
      ['{"label":0,"endings":["a","b"]}', /^\/items\.jsonl: line 1: ctx: found nothing, expected text/],
      ['{"ctx":"It","label":2,"endings":["a","b"]}', /^\/items\.jsonl: line 1: label: found 2, expected at most 1/],
      ['{"ctx":"It","label":"x","endings":["a","b"]}', /^\/items\.jsonl: line 1: label: found text "x"/],
      [
        '{"ctx":"It","label":0,"endings":["a"]}',
        /^\/items\.jsonl: line 1: endings: found a list, expected a list of two/,
      ],
      ['{"ctx":"It","label":0,"endings":["a",""]}', /^\/items\.jsonl: line 1: endings: /],
      [`${good.replace('It is', 'λ')}`, /^\/items\.jsonl: line 1: .*λ/],
      [' \n', /^\/items\.jsonl: found no items/],
    ] as const)
      expect(await refused('--task', 'hellaswag', '--data', file('items.jsonl', content))).toMatch(said);
  });

  test('shows how far it is', async () => {
    const home = fakeHome();
    home.stderr.isTTY = true;
    const { code, stderr } = await run(['evaluate', '--model', place.at('run'), '--data', place.data], home);
    expect([code, /tokens evaluated [\d,]+ of [\d,]+, /.test(stderr)]).toEqual([0, true]);
  });
});
