// The toy tasks of an encoder-decoder: their sequences, a short run of the recipe, and made-up pairs that are learned by heart.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { teach } from '../scripts/recipes/course.ts';
import { END, makeSequences, TOYS, tokenShare, vocabularyOf } from '../scripts/recipes/sequences.ts';
import { trainPairTokenizer } from '../src/data/pairs/pair_tokenizer.ts';
import { Translator } from '../src/generate/translator.ts';
import { EncoderDecoder, encoderDecoderConfig } from '../src/nn/encoder_decoder.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { translateTask } from '../src/tasks/translate.ts';
import { pairRows } from '../src/tasks/translate_rows.ts';
import { start } from './harness/program.ts';

const sizes = { alphabet: 5, shortest: 3, longest: 6 };

describe('sequences', () => {
  const made = makeSequences(500, sizes, 3);

  test('are the same again from a seed, others from another, and more of them begin with fewer', () => {
    expect(makeSequences(500, sizes, 3)).toEqual(made);
    expect(makeSequences(20, sizes, 3)).toEqual(made.slice(0, 20));
    expect(makeSequences(20, sizes, 4)).not.toEqual(made.slice(0, 20));
  });

  test('are none twice, of every length, and of every symbol and nothing else', () => {
    expect(new Set(made.map((each) => each.join())).size).toBe(500);
    expect(new Set(made.map(({ length }) => length))).toEqual(new Set([3, 4, 5, 6]));
    const symbols = new Set(made.flat());
    expect(symbols.size).toBe(5);
    for (const id of symbols) expect(id > END && id < vocabularyOf(sizes)).toBe(true);
  });

  test('are at most half of those that there are', () => {
    const few = { alphabet: 2, shortest: 3, longest: 3 };
    expect(makeSequences(4, few, 0).length).toBe(4);
    expect(() => makeSequences(5, few, 0)).toThrow('found 5 sequences asked for, 8 are possible');
  });

  test('are copied and reversed', () => {
    expect(TOYS.copy([3, 4, 5])).toEqual({ source: [3, 4, 5], target: [3, 4, 5] });
    expect(TOYS.reverse([3, 4, 5])).toEqual({ source: [3, 4, 5], target: [5, 4, 3] });
  });

  test('are right token by token: what is missing or too much is wrong', () => {
    expect(tokenShare([[3, 4, 5]], [[3, 4, 5]])).toBe(1);
    expect(tokenShare([[3, 4]], [[3, 4, 5, 6]])).toBe(0.5);
    expect(tokenShare([[3, 4, 5, 6]], [[3, 4]])).toBe(0.5);
    expect(tokenShare([[4, 3], [5]], [[3, 4], [5]])).toBeCloseTo(1 / 3);
  });
});

describe('the recipe', () => {
  test('learns to copy short sequences, and writes those that it has not seen', async () => {
    const words = ['copy', '--steps', '250', '--alphabet', '8', '--longest', '6', '--seed', '3'];
    const { code, lines, stderr } = await start('recipes/toys', words);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(lines[0]).toMatchObject({ toy: 'copy', seed: 3, steps: 250 });
    expect(lines.filter(({ step }) => step).length).toBe(10);
    const end = lines.at(-1)!;
    expect(end).toMatchObject({ heldOut: 300 });
    expect(end.tokens).toBeGreaterThan(0.99);
  }, 120_000);

  test.each([
    [[], 'toys: found 0 tasks, expected one of copy and reverse.'],
    [['sort'], 'task: found "sort", expected one of copy, reverse.'],
    [['copy', '--positions', 'none'], 'positions: found "none", expected one of sinusoidal, rotary, learned.'],
    [['copy', '--longest', '2'], '--longest: found "2", expected a whole number from 3.'],
    [['copy', '--alphabet', '2', '--longest', '4'], 'sequences asked for, 24 are possible'],
  ])('refuses %j', async (words, sentence) => {
    const { code, stderr } = await start('recipes/toys', words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});

describe('pairs by heart', () => {
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  test('are translated to the letter after a few dozen passes', async () => {
    const [pad, begin, end] = ['<|pad|>', '<|startoftext|>', '<|endoftext|>'];
    const animals = ['chat', 'chien', 'cheval', 'loup', 'ours'].map((le, i) => ({
      source: `the ${['cat', 'dog', 'horse', 'wolf', 'bear'][i]}`,
      target: `le ${le}`,
    }));
    const doing = [
      ['sleeps', 'dort'],
      ['eats', 'mange'],
      ['runs away', "s'enfuit"],
      ['is here', 'est là'],
    ];
    const pairs = animals.flatMap(({ source, target }) =>
      doing.map(([does, fait]) => ({ source: `${source} ${does}.`, target: `${target} ${fait}.` })),
    );
    const tokenizer = trainPairTokenizer(
      pairs.flatMap(({ source, target }) => [source, target]),
      400,
      [pad, begin, end] as string[],
    );
    const [padId, bosId, eosId] = [pad, begin, end].map((t) => tokenizer.encode(t!, { allowSpecial: true })[0]!);
    const config = encoderDecoderConfig({
      ...{ vocabSize: tokenizer.vocabSize, blockSize: 24, nEmbd: 32, nHead: 2, encoderLayers: 1, decoderLayers: 1 },
      ...{ norm: 'pre', padId: padId!, bosId: bosId!, eosId: eosId! },
    });
    const model = new EncoderDecoder(config, { seed: 1 });
    const rows = pairs.map(({ source, target }) => ({
      source: tokenizer.encode(source),
      target: tokenizer.encode(target),
    }));
    const course = { epochs: 60, batch: 20, learningRate: 1e-2 };
    const { loss } = await teach({ device, model, task: translateTask(), seed: 1 }, pairRows(rows, config), course);
    expect(loss).toBeLessThan(0.1);
    const translator = new Translator(device, model);
    const written = await translator.translate(
      rows.map(({ source }) => source),
      { beams: 1 },
    );
    translator.release();
    expect(written.map(({ ids }) => tokenizer.decode(ids))).toEqual(pairs.map(({ target }) => target));
    expect(written.every(({ ended }) => ended)).toBe(true);
  }, 120_000);
});
