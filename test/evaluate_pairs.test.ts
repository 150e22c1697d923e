// evaluate --task translate and summarize: texts that are there already, and those that a model writes.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEncoderDecoderConfig } from '../src/checkpoint/encoder_decoder_config.ts';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { trainingStateJson } from '../src/checkpoint/training_state.ts';
import { hashOfFile } from '../src/cli/finetune/data_file.ts';
import { rememberedPairTraining } from '../src/cli/finetune/pair_memory.ts';
import { Output } from '../src/cli/output.ts';
import { pairFigureLines, pairFigures } from '../src/cli/pair_figures.ts';
import { StopSignal } from '../src/cli/stop.ts';
import { readPairs } from '../src/data/pairs/read_pairs.ts';
import { splitPairs } from '../src/data/pairs/split_pairs.ts';
import { WordTokenizer } from '../src/data/tokenizer.ts';
import { StoppedError } from '../src/errors.ts';
import type { Translation } from '../src/generate/translator.ts';
import { EncoderDecoder } from '../src/nn/encoder_decoder.ts';
import { Twin } from '../src/reference/twin.ts';
import { corpusBleu } from '../src/scores/bleu.ts';
import { translateTask } from '../src/tasks/translate.ts';
import { pairRows } from '../src/tasks/translate_rows.ts';
import { evaluateBatches } from '../src/train/evaluate.ts';
import { pairLossBatches } from '../src/train/pair_loss_batches.ts';
import { loadModel } from '../src/train/snapshot.ts';
import { FakeStream } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { scratchFolder } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

function at(name: string, bytes: string | Buffer): string {
  fs.writeFileSync(place.at(name), bytes);
  return place.at(name);
}

async function refused(words: readonly string[]): Promise<string> {
  const { code, errors, stdout } = await run(['evaluate', ...words]);
  expect([code, stdout, errors.length]).toEqual([2, '', 1]);
  return errors[0]!;
}

const said = at('said.txt', 'the cat sat on a mat\n\nSmall Boats drift by.\n');
const wrote = at('wrote.txt', 'the cat sat on the mat\nno\nsmall boats drift by.\n');
const others = at('others.txt', 'a cat sat on a mat\n\nboats drift by.');

describe('texts that are there already', () => {
  test('are scored without a model, as sacreBLEU prints it', async () => {
    const { code, stdout, stderr } = await run(['evaluate', '--hypotheses', said, '--references', wrote]);
    expect([code, stderr]).toEqual([0, '']);
    const version = 'version:2.x-f615c72';
    expect(stdout.trimEnd().split('\n')).toEqual([
      `BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|${version} = 39.39 72.7/55.6/42.9/20.0 (BP = 0.913 ratio = 0.917 hyp_len = 11 ref_len = 12)`,
      `chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|${version} = 67.47`,
      `chrF2++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|${version} = 66.03`,
    ]);
  });

  test('beside several references, in JSON, in small letters', async () => {
    const words = ['evaluate', '--hypotheses', said, '--references', wrote, '--json', '--lowercase'];
    const [one, two] = [await run([...words, '--references', others]), await run([...words, others])];
    expect(two.lines).toEqual(one.lines);
    const lines = (file: string) => fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    const { score, signature, ...parts } = corpusBleu(lines(said), [lines(wrote), lines(others)], { lowercase: true });
    expect(one.lines).toEqual([
      {
        bleu: score,
        bleuSignature: signature,
        ...parts,
        chrf: expect.any(Number),
        chrfSignature: expect.stringMatching(/^nrefs:2\|case:lc\|eff:yes\|nc:6\|nw:0\|/),
        chrfPlusPlus: expect.any(Number),
        chrfPlusPlusSignature: expect.stringMatching(/^nrefs:2\|case:lc\|eff:yes\|nc:6\|nw:2\|/),
        exactMatch: 1 / 3,
        texts: 3,
      },
    ]);
    expect(signature).toMatch(/^nrefs:2\|case:lc\|/);
  });

  test('lines end with LF or CRLF, the last one with nothing; a byte order mark is none of the text', async () => {
    const dos = at('dos.txt', '\ufeffthe cat sat on a mat\r\n\r\nSmall Boats drift by.');
    const words = ['--references', wrote, '--json'];
    const both = await Promise.all([said, dos].map((file) => run(['evaluate', '--hypotheses', file, ...words])));
    expect(both[1]!.lines).toEqual(both[0]!.lines);
  });

  test('summaries get ROUGE-L, and texts that it cannot read are told of', async () => {
    const words = ['evaluate', '--task', 'summarize', '--hypotheses', said, '--references'];
    const { lines } = await run([...words, wrote, '--json']);
    expect(lines).toEqual([{ rougeL: (5 / 6 + 0 + 1) / 3, exactMatch: 0, texts: 3 }]);
    const foreign = at('foreign.txt', 'да\nнет\nsmall boats');
    const { stdout, stderr } = await run([...words, foreign]);
    expect(stdout).toBe('ROUGE-L 0.2222 (mean F1 of words) over 3 texts, 0.00 % of them exactly as the reference\n');
    expect(stderr).toContain('foreign.txt: 2 of 3 texts have no word of the letters a to z and digits');
  });
});

describe('is refused', () => {
  const texts = ['--hypotheses', said, '--references', wrote];

  test('a file that is longer than the other', async () => {
    const short = at('short.txt', 'one\ntwo');
    expect(await refused(['--hypotheses', said, '--references', wrote, '--references', short])).toBe(
      `${said} and ${short}: found 3 and 2 lines, expected as many in both: each line of one belongs to that of the other. Look for a line that is missing or too many.`,
    );
  });

  test('a file that is not there, empty, or no text', async () => {
    expect(await refused(['--hypotheses', place.at('none'), '--references', wrote])).toBe(
      `${place.at('none')}: found nothing there, expected a text file or a folder of them. Check --hypotheses.`,
    );
    expect(await refused(['--hypotheses', said, '--references', place.at('none')])).toContain('Check --references.');
    expect(await refused(['--hypotheses', place.folder, '--references', wrote])).toBe(
      `${place.folder}: found a folder, expected one file of texts, one a line. Name a file in it.`,
    );
    const empty = at('empty.txt', '');
    expect(await refused(['--hypotheses', empty, '--references', wrote])).toBe(
      `${empty}: found an empty file, expected text.`,
    );
    const latin = at('latin.txt', Buffer.from('one\ntw\xf6\nthree', 'latin1'));
    expect(await refused(['--hypotheses', said, '--references', latin])).toBe(
      `${latin}: found bytes that are not UTF-8 at byte 6 (line 2: F6), expected UTF-8. Repair it, or convert it: iconv -f LATIN1 -t UTF-8.`,
    );
  });

  test.each([
    [
      ['--hypotheses', said],
      /^--hypotheses: found without --references, expected what people wrote too\. For example: /,
    ],
    [['--references', wrote], /^--references: found without --hypotheses, expected the texts to score too\. For/],
    [[...texts, '--model', 'x'], /^--model: found beside --hypotheses, which are scored as they are, without a model/],
    [[...texts, '--beams', '2'], /^--beams: found beside --hypotheses/],
    [
      [...texts, '--task', 'classify'],
      /^--hypotheses: found beside --task classify, expected it with --task translate or summarize alone\. Leave it out\.$/,
    ],
    [
      [...texts, '--task', 'summarize', '--lowercase'],
      /^--lowercase: found beside --task summarize, expected it with --task translate alone/,
    ],
    [
      ['other.txt', '--model', 'x', '--ids', 'y'],
      /^evaluate: found the word other\.txt, expected only flags, which begin with --\. Texts to compare with go behind --references\.$/,
    ],
    [
      ['--model', 'x', '--data', 'y', '--source', 'z'],
      /^--source: found beside --task language, expected it with --task translate or summarize alone/,
    ],
    [
      ['--model', 'x', '--task', 'summarize', '--data', 'y', '--train-data', 'z'],
      /^--train-data: found beside --task summarize, expected it with --task classify or translate alone/,
    ],
    [
      ['--model', 'x', '--task', 'translate', '--stride', '8'],
      /^--stride: found beside --task translate, expected it with --task language alone/,
    ],
    [
      ['--task', 'translate', '--train-data', 'a', '--train-target', 'b'],
      /^--train-data: found beside --train-target, expected a table or two files\. Leave one of them out\.$/,
    ],
    [['--task', 'translate', '--train-source', 'a'], /^--train-source: found without --train-target, expected both/],
    [['--task', 'translate', '--train-target', 'a'], /^--train-target: found without --train-source, expected both/],
  ] as const)('%j', async (words, sentence) => expect(await refused(words)).toMatch(sentence));
});

describe('figures of what is written', () => {
  /** Words are their own tokens, and a text is written by `write`. */
  const words = ['a', 'small', 'boat', 'ein', 'kleines', 'Boot', '.'];
  const idsOf = (text: string) => text.split(' ').map((word) => words.indexOf(word));
  const tokenizer = { decode: (ids: readonly number[]) => ids.map((id) => words[id]).join(' ') };
  const pairs = [
    { source: 'a small boat .', target: 'ein kleines Boot .' },
    { source: 'a boat .', target: 'ein Boot .' },
    { source: 'boat', target: 'Boot' },
  ].map((pair) => ({ ...pair, ids: idsOf(pair.source) }));
  const writer = (ended = true) => ({
    translate: async (sources: readonly (readonly number[])[]): Promise<Translation[]> =>
      sources.map((ids) => ({ ids: ids.map((id) => (id < 3 ? id + 3 : id)), score: -1, ended })),
  });
  const context = () => {
    const [stdout, stderr] = [new FakeStream(), new FakeStream()];
    return { out: new Output({ stdout, stderr }), signal: new StopSignal() };
  };
  const common = { tokenizer, beams: 2, samples: 2 } as const;

  test('of translations: scores, baselines, samples', async () => {
    const options = { ...common, task: 'translate', translator: writer(), trained: pairs.slice(0, 2) } as const;
    const figures = await pairFigures(pairs, options, context());
    const copied = corpusBleu(
      pairs.map(({ source }) => source),
      [pairs.map(({ target }) => target)],
    );
    expect(figures).toMatchObject({
      bleu: expect.closeTo(100, 9),
      chrf: expect.closeTo(100, 9),
      exactMatch: 1,
      rows: 3,
      beams: 2,
      lengthPenalty: 1,
      unended: 0,
      seenBefore: 2,
      samples: [
        { source: 'a small boat .', reference: 'ein kleines Boot .', text: 'ein kleines Boot .' },
        { source: 'a boat .', reference: 'ein Boot .', text: 'ein Boot .' },
      ],
    });
    expect(figures.baselines.copy!.bleu).toBe(copied.score);
    expect(figures.baselines.wordByWord!.chrf).toBeGreaterThan(figures.baselines.copy!.chrf!);
    const lines = pairFigureLines(figures);
    expect(lines[0]).toMatch(/^BLEU\|nrefs:1\|.* = 100\.00 /);
    expect(lines.slice(3, 6)).toEqual([
      expect.stringMatching(
        /^3 texts written with 2 beams and a length penalty of 1 in \d+\.\d s, 100\.00 % exactly as the reference$/,
      ),
      expect.stringMatching(/^the source as it is: BLEU \d+\.\d\d, chrF2 \d+\.\d\d$/),
      expect.stringMatching(/^word by word, from a dictionary: BLEU \d+\.\d\d, chrF2 \d+\.\d\d$/),
    ]);
    expect(lines.slice(6, 10)).toEqual([
      '',
      'source:    a small boat .',
      'reference: ein kleines Boot .',
      'written:   ein kleines Boot .',
    ]);
  });

  test('of summaries: the first sentence is beside them, and what was cut off is told', async () => {
    const documents = pairs.map((pair) => ({ ...pair, source: `Boot! ${pair.source}` }));
    const options = { ...common, task: 'summarize', translator: writer(false), beams: 1 } as const;
    const figures = await pairFigures(documents, options, context());
    expect(figures).toMatchObject({ rougeL: 1, exactMatch: 1, unended: 3, samples: [{}, {}] });
    expect(figures.baselines).toEqual({ leadSentence: { rougeL: (2 / 4 + 2 / 3 + 1) / 3, exactMatch: 0 } });
    expect(figures).not.toHaveProperty('bleu');
    expect(pairFigureLines(figures).slice(0, 3)).toEqual([
      'ROUGE-L 1.0000',
      expect.stringMatching(/^3 texts written greedily in .*; 3 of them cut off: no end came$/),
      'the first sentence: ROUGE-L 0.7222',
    ]);
  });

  test('a wish to stop ends it', async () => {
    const stopped = context();
    stopped.signal.request('SIGINT');
    const options = { ...common, task: 'translate', translator: writer() } as const;
    await expect(pairFigures(pairs, options, stopped)).rejects.toThrow(StoppedError);
  });
});

describe('a model', () => {
  const golden = (name: string) => fs.readFileSync(new URL(`golden/traces/encdec/${name}`, import.meta.url));
  const tokens = ['<pad>', '<s>', '</s>', ...'abcdefghijklmnopq'];
  const tokenizer = new WordTokenizer({
    ...{ tokens, special: [0, 1, 2], unknownId: 0, padId: 0, eosId: 2 },
    lowercase: false,
  });
  const folder = place.at('model');
  const pairs: { source: string; target: string }[] = [];
  let file: string;
  /** Writes the source and the target of some pairs, a line each. */
  const table = (name: string, some: typeof pairs) =>
    at(name, some.map(({ source, target }) => `${source}\t${target}\n`).join(''));

  beforeAll(async () => {
    fs.mkdirSync(folder);
    fs.writeFileSync(`${folder}/config.json`, golden('config.json'));
    fs.writeFileSync(`${folder}/model.safetensors`, golden('trained.safetensors'));
    for (const [name, text] of tokenizer.files()) fs.writeFileSync(`${folder}/${name}`, text);
    const reader = await SafetensorsReader.open(bytesSource('golden', golden('generation.safetensors')));
    const [R, S] = reader.tensors.get('src_ids')!.shape as [number, number];
    const ids = Array.from((await reader.read('src_ids')) as Int32Array);
    for (let r = 0; r < R; r++) {
      const source = ids.slice(r * S, (r + 1) * S).filter((id) => id > 2);
      // It has learned to turn letters round.
      pairs.push({ source: tokenizer.decode(source), target: tokenizer.decode(source.toReversed()) });
    }
    file = table('pairs.tsv', pairs);
  });

  test('its loss is that of the pairs one by one, whatever fills up their batches', async () => {
    const twin = new Twin();
    const config = parseEncoderDecoderConfig(golden('config.json').toString(), 'config.json');
    const model = new EncoderDecoder(config, { seed: 1 });
    await loadModel(twin, model, [bytesSource('golden', golden('model.safetensors'))]);
    const uneven = [...pairs, { source: 'a b', target: 'b' }, { source: 'c', target: 'a b c d' }];
    const rows = uneven.map(({ source, target }) => ({
      source: tokenizer.encode(source),
      target: tokenizer.encode(target),
    }));
    let [sum, count] = [0, 0];
    for (const row of rows) {
      const one = pairRows([row], config).batch([0]);
      const { loss, tokens: kept } = await evaluateBatches(twin, model, translateTask(), [one]);
      expect(kept).toBe(row.target.length + 1);
      [sum, count] = [sum + loss * kept, count + kept];
    }
    const batches = [...pairLossBatches(pairRows(rows, config))];
    expect(batches.reduce((all, { targets }) => all + targets!.shape[0]!, 0)).toBeGreaterThan(rows.length);
    const all = await evaluateBatches(twin, model, translateTask(), batches);
    expect(all.tokens).toBe(count);
    expect(Math.abs(all.loss - sum / count)).toBeLessThan(1e-5);
  });

  test('of translations: loss, scores, what needs no network, and samples', async () => {
    const words = ['evaluate', '--model', folder, '--task', 'translate', '--data', file, '--train-data', file];
    const { code, lines, stderr } = await run([...words, '--beams', '2', '--show', '6', '--json']);
    expect(code, stderr).toBe(0);
    const [said] = lines;
    expect(said).toMatchObject({ rows: pairs.length, beams: 2, unended: 0, seenBefore: pairs.length });
    const samples = said!.samples as { source: string; reference: string; text: string }[];
    expect(samples.map(({ source, reference: target }) => ({ source, target }))).toEqual(pairs);
    const texts = samples.map(({ text }) => text);
    const side = (name: 'source' | 'target') => pairs.map((pair) => pair[name]);
    const right = texts.filter((text, i) => text === pairs[i]!.target).length;
    // It has not seen the end of a source, which every text has here, and errs now and then.
    expect(right).toBeGreaterThan(3);
    expect(said!.exactMatch).toBe(right / pairs.length);
    expect(said!.bleu).toBe(corpusBleu(texts, [side('target')]).score);
    expect(said!.loss).toBeGreaterThan(0);
    expect(said!.loss).toBeLessThan(0.5);
    expect(said!.perplexity).toBeCloseTo(Math.exp(said!.loss as number), 12);
    expect(said!.tokens).toBe(pairs.reduce((sum, { target }) => sum + target.split(' ').length + 1, 0));
    const baselines = said!.baselines as Record<string, { bleu: number; chrf: number }>;
    expect(Object.keys(baselines)).toEqual(['copy', 'wordByWord']);
    expect(baselines.copy!.bleu).toBeCloseTo(corpusBleu(side('source'), [side('target')]).score, 9);
  });

  test('a pair that stands there twice counts twice; a file a side; for people', async () => {
    const twice = [...pairs, pairs[0]!];
    const [source, target] = (['source', 'target'] as const).map((name) =>
      at(`twice.${name}`, twice.map((pair) => `${pair[name]}\n`).join('')),
    );
    const words = ['evaluate', '--model', folder, '--task', 'translate', '--source', source!, '--target', target!];
    const { code, stdout, stderr } = await run([...words, '--beams', '1', '--show', '1']);
    expect(code, stderr).toBe(0);
    const told = stdout.trimEnd().split('\n');
    expect(told[0]).toMatch(
      /^loss 0\.\d{4} nats a token over \d+ tokens of 7 targets and their ends, perplexity 1\.\d{3}$/,
    );
    expect(told[1]).toMatch(/^BLEU\|nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:\S+ = \d+\.\d\d /);
    expect(told[4]).toMatch(/^7 texts written greedily in /);
    expect(told[5]).toMatch(/^the source as it is: BLEU /);
    expect(told.slice(6)).toEqual([
      '',
      `source:    ${pairs[0]!.source}`,
      `reference: ${pairs[0]!.target}`,
      expect.stringMatching(/^written: {3}[a-q]( [a-q])*$/),
    ]);
    expect(stderr).toContain('baselines: word by word is left out');
  });

  test('of summaries: ROUGE-L, and the first sentence beside it', async () => {
    const words = ['evaluate', '--model', folder, '--task', 'summarize', '--data', file, '--beams', '1', '--json'];
    const { code, lines, stderr } = await run(words);
    expect(code, stderr).toBe(0);
    expect(lines[0]).toMatchObject({ rows: pairs.length, baselines: { leadSentence: {} } });
    expect(lines[0]!.rougeL).toBeGreaterThan(0.8);
    expect(lines[0]).not.toHaveProperty('bleu');
  });

  test('what it cannot measure is refused', async () => {
    const words = ['--model', folder, '--task', 'translate'];
    expect(await refused(words)).toMatch(/^--data: found nothing, expected a file of pairs/);
    expect(await refused([...words, '--data', place.at('none.tsv')])).toMatch(/found nothing there/);
    expect(await refused([...words, '--data', file, '--adapter-weights', 'x'])).toMatch(
      /^--adapter-weights: found beside --task translate, expected it with --task language or classify or hellaswag alone/,
    );
    expect(await refused(['--model', folder, '--data', file])).toMatch(
      /found an encoder-decoder, .*expected a language model/,
    );
  });
});

test('the pairs that a run was trained on are found again, while their file is what it was', () => {
  const lines = Array.from({ length: 40 }, (_, i) => `source ${i}\ttarget ${i}\n`);
  const file = at('trained.tsv', lines.join(''));
  const folder = place.at('step');
  fs.mkdirSync(folder);
  const save = (task: string) => {
    const settings = new Map(
      Object.entries({ task, data: file, validationPart: 0.1, testPart: 0.2, sourceColumn: '' }),
    );
    const none = new Map();
    const state = {
      ...{ step: 1, settings, model: none, schedule: none, random: new Map([['seed', 5]]), cursor: none },
      ...{ dataHash: hashOfFile(file), tokenizerHash: '', kernels: none, versions: none, adapter: '', best: null },
    };
    fs.writeFileSync(`${folder}/training.json`, trainingStateJson(state));
  };
  expect(rememberedPairTraining(folder)).toBe(null);
  save('translate');
  const parts = { validationPart: 0.1, testPart: 0.2, seed: 5, name: file };
  const { train } = splitPairs(readPairs({ data: file }).pairs, parts);
  expect(train.length).toBe(28);
  expect(rememberedPairTraining(folder)).toEqual({ name: file, pairs: train });
  save('classify');
  expect(rememberedPairTraining(folder)).toBe(null);
  save('summarize');
  at('trained.tsv', lines.slice(1).join(''));
  expect(rememberedPairTraining(folder)).toBe(null);
  fs.rmSync(file);
  expect(rememberedPairTraining(folder)).toBe(null);
});
