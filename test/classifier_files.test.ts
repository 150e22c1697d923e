// A classifier as a folder, ours and others': written, read back, asked and measured by the commands.
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  modelConfigJson,
  parseClassifierConfig,
  parseFolderConfig,
  parseModelConfig,
} from '../src/checkpoint/model_config.ts';
import { bytesSource, collectBytes } from '../src/checkpoint/safetensors.ts';
import { trainingStateJson } from '../src/checkpoint/training_state.ts';
import { labelledParts } from '../src/cli/finetune/classify_parts.ts';
import { hashOfFile } from '../src/cli/finetune/data_file.ts';
import { streamTexts } from '../src/cli/predict_texts.ts';
import { StopSignal } from '../src/cli/stop.ts';
import { CharTokenizer } from '../src/data/char.ts';
import { Classifier, type ClassifierConfig } from '../src/nn/classifier.ts';
import { FAMILIES, familyRow, type ModelConfig, makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2.ts';
import { lora } from '../src/nn/lora.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { classifyTask } from '../src/tasks/classify.ts';
import { classifyRows, labelledIds } from '../src/tasks/classify_rows.ts';
import { float32ToHalves, halvesToFloat32 } from '../src/tensor/halves.ts';
import { adapterFiles } from '../src/train/adapter_files.ts';
import { hashOf, loadModel, modelFile } from '../src/train/snapshot.ts';
import { Trainer } from '../src/train/trainer.ts';
import { run } from './harness/inside.ts';
import { filesOf, gpt2Json, randomEntries, weightsOf, writeModelFolder } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';

const labels = ['ham', 'spam'];
const own: ClassifierConfig = { labels, pooling: 'last-token', width: null, padId: 2, bias: false };
const ids = { bosTokenId: null, eosTokenId: 1 };
const sizes = {
  vocabSize: 40,
  blockSize: 24,
  nEmbd: 16,
  nLayer: 2,
  nHead: 2,
  kvHeads: 2,
  initializerRange: 0.1,
  tieWordEmbeddings: false,
  bias: false,
};
const configOf = (family: (typeof FAMILIES)[number]) => familyRow(family).chosen(sizes);
const json = (config: ModelConfig, classifier: ClassifierConfig = own) => modelConfigJson(config, ids, classifier);

describe('config.json', () => {
  test.each(FAMILIES)('of a %s says what transformers needs, and is read back', (family) => {
    const config = configOf(family);
    const text = json(config);
    const fields = JSON.parse(text) as Record<string, unknown>;
    expect(String(fields.architectures)).toMatch(/^(GPT2|Llama|Mistral|Qwen3|Gemma3Text)ForSequenceClassification$/);
    expect(fields).toMatchObject({
      model_type: family,
      id2label: { 0: 'ham', 1: 'spam' },
      label2id: { ham: 0, spam: 1 },
      problem_type: 'single_label_classification',
      pad_token_id: 2,
    });
    expect(fields).not.toHaveProperty('classifier_pooling');
    const notes: string[] = [];
    const read = parseClassifierConfig(text, 'config.json', notes);
    expect([read.classifier, notes]).toEqual([own, []]);
    expect(modelConfigJson(read.config, ids, read.classifier)).toBe(text);
  });

  test('keeps poolings that transformers does not know under keys of its own', () => {
    for (const classifier of [
      { ...own, pooling: 'mean' },
      { ...own, pooling: 'last-position', width: 12, padId: null },
    ] as const)
      expect(parseFolderConfig(json(configOf('llama'), classifier), 'c').classifier).toEqual(classifier);
  });

  test('holds labels of any name', () => {
    const strange = { ...own, labels: ['factor', '__proto__', '1', 'rope_theta', '"ü"'] };
    for (const family of FAMILIES) {
      const text = json(configOf(family), strange);
      expect(parseFolderConfig(text, 'c').classifier!.labels).toEqual(strange.labels);
      expect(text).toContain('"factor":0');
    }
  });

  test('of others may name labels, count them, or do neither', () => {
    const read = (fields: object) =>
      parseFolderConfig(
        JSON.stringify({ ...gpt2Json, architectures: ['GPT2ForSequenceClassification'], ...fields }),
        'c',
      ).classifier;
    expect(read({ num_labels: 3 })!.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
    expect(read({})).toEqual({
      labels: ['LABEL_0', 'LABEL_1'],
      pooling: 'last-token',
      width: null,
      padId: null,
      bias: false,
    });
    expect(read({ id2label: { 1: 'b', 0: 'a' }, label2id: null, pad_token_id: 0 })).toMatchObject({
      labels: ['a', 'b'],
      padId: 0,
    });
    expect(read({ architectures: ['GPT2LMHeadModel'] })).toBeNull();
  });

  test.each([
    [
      { problem_type: 'regression' },
      'c: problem_type: found text "regression", expected "single_label_classification"',
    ],
    [{ num_labels: 1 }, 'c: num_labels: found 1, expected 2 or more'],
    [{ id2label: { 0: 'a' } }, 'c: id2label: found 1 label, expected 2 or more'],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'c: id2label.1: found nothing, expected names for 0 to 1, each there'],
    [{ id2label: { 0: 'a', 1: 7 } }, 'c: id2label.1: found 7, expected a name'],
    [{ id2label: { 0: 'a', 1: 'a' } }, 'c: id2label.1: found text "a", expected a name that no other label has'],
    [{ id2label: ['a', 'b'] }, 'c: id2label: found a list, expected an object from numbers to names'],
    [
      { classifier_pooling: 'cls' },
      'c: classifier_pooling: found text "cls", expected one of last-token, last-position, mean',
    ],
    [{ classifier_pooling: 'last-position' }, 'c: classifier_width: found nothing, expected a whole number'],
    [
      { classifier_pooling: 'last-position', classifier_width: 99 },
      'c: classifier_width: found 99, expected at most 32',
    ],
    [{ pad_token_id: 48 }, 'c: pad_token_id: found 48, outside 0..47'],
  ])('that says %j is refused', (fields, sentence) => {
    const text = JSON.stringify({ ...gpt2Json, architectures: ['GPT2ForSequenceClassification'], ...fields });
    expect(() => parseFolderConfig(text, 'c')).toThrow(sentence);
  });

  test('of a classifier is none of a language model, and the other way round', () => {
    expect(() => parseModelConfig(json(configOf('llama')), 'c')).toThrow(
      'c: found a classifier ("ham", "spam"), expected a language model. Ask it with predict, measure it with evaluate --task classify.',
    );
    expect(() => parseClassifierConfig(modelConfigJson(configOf('llama'), ids), 'c')).toThrow(
      'c: found a language model, expected a classifier. Train one from it: finetune --task classify.',
    );
  });

  test('is not written of scores with a bias', () => {
    expect(() => json(configOf('gpt2'), { ...own, bias: true })).toThrow('found scores with a bias, expected none');
  });
});

test.each(FAMILIES)('saved, loaded and saved again a %s has the same bytes', async (family) => {
  const twin = new Twin();
  const first = new Classifier(makeModel(configOf(family), { seed: 3 }), { ...own, seed: 4 });
  const saved = await collectBytes(await modelFile(twin, first));
  const again = new Classifier(makeModel(configOf(family), { seed: 5 }), { ...own, seed: 6 });
  await loadModel(twin, again, [bytesSource('model.safetensors', saved)]);
  expect(await hashOf(twin, again)).toBe(await hashOf(twin, first));
  expect(await collectBytes(await modelFile(twin, again))).toEqual(saved);
});

describe('the commands', () => {
  const place = scratchFolder();
  const tokenizer = CharTokenizer.fromCodePoints(
    new Set([...'abcdefghijklmnopqrstuvwxyz .!\u001b'].map((c) => c.codePointAt(0)!)),
  );
  const config = gpt2Config({ ...sizes, vocabSize: tokenizer.vocabSize });
  /** Spam is what cries. */
  const rows = Array.from({ length: 24 }, (_, i) => ({
    text: `${['hello', 'see you', 'good', 'win now'][i % 4]} ${'abcdefgh'.slice(0, 1 + (i % 8))}${i % 3 === 0 ? '!' : '.'}`,
    label: i % 3 === 0 ? 1 : 0,
    line: i + 2,
  }));
  const table = (some = rows) =>
    `label\ttext\n${some.map(({ text, label }) => `${labels[label]}\t${text}\n`).join('')}`;
  const at = (name: string, text: string) => {
    fs.writeFileSync(place.at(name), text);
    return place.at(name);
  };
  const folder = place.at('classifier');
  const test_tsv = at('test.tsv', table());
  let device: Device;

  const keep = (dir: string, files: ReadonlyMap<string, Uint8Array | string>) => {
    fs.mkdirSync(dir, { recursive: true });
    for (const [name, bytes] of files) fs.writeFileSync(path.join(dir, name), bytes);
  };

  const predicted = async (dir: string) => {
    const { code, lines, stderr } = await run(['predict', '--model', dir, '--data', test_tsv, '--json']);
    expect(code, stderr).toBe(0);
    return lines as unknown as { text: string; label: string; probabilities: Record<string, number> }[];
  };

  async function trained(model: Classifier, parameters = model.parameters): Promise<void> {
    const made = classifyRows(labelledIds(rows, tokenizer, 'rows'), model, { where: 'rows' });
    const optimizer = new AdamW(parameters, {});
    const trainer = new Trainer({ machine: device, model, optimizer, task: classifyTask() });
    const batch = made.batch(rows.map((_, i) => i));
    for await (const _ of trainer.advance(60, () => ({ batches: [batch], learningRate: 1e-2 })));
    expect((await trainer.evaluate([batch])).metrics.accuracy).toBe(1);
  }

  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
    const model = new Classifier(makeModel(config, { seed: 1 }), { ...own, seed: 2 });
    await trained(model);
    const weights = await collectBytes(await modelFile(device, model));
    keep(
      folder,
      new Map<string, Uint8Array | string>([
        ['config.json', json(config)],
        ['model.safetensors', weights],
        ...tokenizer.files(),
      ]),
    );
  });
  afterAll(() => {
    device.close();
    place.remove();
  });

  test('predict tells class and probabilities of each text, in their order', async () => {
    const { code, lines, stderr } = await run(['predict', '--model', folder, '--data', test_tsv, '--json']);
    expect(code, stderr).toBe(0);
    expect(lines.map(({ text }) => text)).toEqual(rows.map(({ text }) => text));
    expect(lines.map(({ label }) => label)).toEqual(rows.map(({ label }) => labels[label]));
    for (const { label, probabilities } of lines as unknown as {
      label: string;
      probabilities: Record<string, number>;
    }[]) {
      expect(Object.keys(probabilities)).toEqual(labels);
      expect(probabilities.ham! + probabilities.spam!).toBeCloseTo(1, 6);
      expect(probabilities[label]).toBeGreaterThan(0.5);
    }
  });

  test('for people it is a line each, safe to show, cut to the terminal; a blank text has no label', async () => {
    const texts = at('texts.txt', `hello!\n\nhello.\n  \n${'good '.repeat(30)}a\u001b!\n`);
    const { code, stdout, stderr } = await run(['predict', '--model', folder, '--data', texts]);
    expect(code, stderr).toBe(0);
    const told = stdout.trimEnd().split('\n');
    expect(told[0]).toMatch(/^spam +\d+\.\d % {2}hello!$/);
    expect(told[1]).toMatch(/^- +- *$/);
    expect(told[2]).toMatch(/^ham +\d+\.\d % {2}hello\.$/);
    expect(told.length).toBe(5);
    expect(told[4]!.length).toBeLessThanOrEqual(80);
    expect(told[4]).toMatch(/good…$|…$/);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toContain('1 of 5 texts are longer than the 24 tokens that the classifier sees');
  });

  describe('from standard input', () => {
    const before = Object.getOwnPropertyDescriptor(process, 'stdin')!;
    afterEach(() => void Object.defineProperty(process, 'stdin', before));
    const input = (stream: Readable) => Object.defineProperty(process, 'stdin', { value: stream, configurable: true });

    test('lines are texts', async () => {
      input(Readable.from([Buffer.from('hello!\r\nhel'), Buffer.from('lo.\nsee you!')]));
      const { code, lines } = await run(['predict', '--model', folder, '--json']);
      expect([code, lines.map(({ text, label }) => [text, label])]).toEqual([
        0,
        [
          ['hello!', 'spam'],
          ['hello.', 'ham'],
          ['see you!', 'spam'],
        ],
      ]);
    });

    test('a text that cannot be encoded is named by its line', async () => {
      input(Readable.from(['hello!\nH\n']));
      const { code, errors } = await run(['predict', '--model', folder]);
      expect([code, errors[0]]).toEqual([2, expect.stringMatching(/^standard input: line 2: .*"H"/)]);
    });
  });

  test('lines that have come are answered before others do, and a signal ends the waiting', async () => {
    const signal = new StopSignal();
    const stream = new Readable({ read() {} });
    stream.push('one\ntwo\nthr');
    const texts = streamTexts(stream, signal);
    expect((await texts.next()).value).toEqual([
      { text: 'one', line: 1 },
      { text: 'two', line: 2 },
    ]);
    stream.push('ee\n');
    expect((await texts.next()).value).toEqual([{ text: 'three', line: 3 }]);
    const waiting = texts.next();
    signal.request('SIGINT');
    expect((await waiting).done).toBe(true);
  });

  test('standard input that is no UTF-8 is refused', async () => {
    const texts = streamTexts(Readable.from([Buffer.from([0x61, 10, 0xff, 0xfe])]), new StopSignal());
    await expect(texts.next()).rejects.toThrow('standard input: line 2: found bytes that are not UTF-8');
  });

  test('evaluate measures it, and beside it what needs no network', async () => {
    const some = at('some.tsv', table([...rows.slice(0, 6), { text: 'hello a!', label: 0, line: 8 }]));
    const words = ['evaluate', '--model', folder, '--task', 'classify', '--data', some];
    const { code, lines, stderr } = await run([...words, '--train-data', test_tsv, '--json']);
    expect(code, stderr).toBe(0);
    const [figures] = lines as unknown as [Record<string, unknown>];
    expect(figures).toMatchObject({
      accuracy: 6 / 7,
      confusion: [
        [4, 1],
        [0, 2],
      ],
      labels,
      classes: {
        ham: { rows: 5, precision: 1, recall: 0.8, f1: 8 / 9 },
        spam: { rows: 2, precision: 2 / 3, recall: 1, f1: 0.8 },
      },
      baselines: { majority: 5 / 7, naiveBayes: expect.any(Number), seenBefore: 7 },
      perplexity: Math.exp(figures.loss as number),
    });
    const people = await run(words);
    expect(people.stdout).toMatch(/class +rows +precision % +recall % +F1 % +said ham +said spam/);
    expect(people.stdout).toContain('always the most frequent class: 71.43 %');
    expect(people.stderr).toContain(
      'naive Bayes is left out: it needs the rows that were trained on, with --train-data FILE',
    );
  });

  test('evaluate finds again what a run was trained on, while its file is what it was', async () => {
    const file = at('all.tsv', table());
    const dir = place.at('step');
    fs.cpSync(folder, dir, { recursive: true });
    const settings = {
      task: 'classify',
      data: file,
      textColumn: 'text',
      labelColumn: 'label',
      validationPart: 0.25,
      testPart: 0.25,
    };
    const state = {
      ...{ step: 1, model: new Map(), schedule: new Map(), cursor: new Map([['step', 1]]), best: null, adapter: 'x' },
      ...{ settings: new Map(Object.entries(settings)), random: new Map([['seed', 7]]), dataHash: hashOfFile(file) },
      ...{ tokenizerHash: 'ab'.repeat(32), kernels: new Map(), versions: new Map([['shaderformer', '0']]) },
    };
    fs.writeFileSync(path.join(dir, 'training.json'), trainingStateJson(state));
    const { parts } = labelledParts(file, settings, 7);
    expect(parts.train.length).toBeLessThan(rows.length);
    const words = ['evaluate', '--model', dir, '--task', 'classify', '--data', file];
    const { lines, stderr } = await run([...words, '--json']);
    expect(lines[0]!.baselines, stderr).toMatchObject({
      naiveBayes: expect.any(Number),
      seenBefore: rows.filter(({ text }) => parts.train.some((row) => row.text === text)).length,
    });
    expect(stderr).toContain(`they learn from the ${parts.train.length} rows of ${file} that the run was trained on`);
    fs.appendFileSync(file, 'ham\thello again\n');
    expect((await run(words)).stderr).toContain('naive Bayes is left out');
  });

  test('rows of another label are refused by line, with the nearest known one', async () => {
    const wrong = at('wrong.tsv', `${table()}spma\thello\n`);
    const { code, errors } = await run(['evaluate', '--model', folder, '--task', 'classify', '--data', wrong]);
    expect([code, errors[0]]).toEqual([
      2,
      expect.stringContaining(
        `${wrong}: line 26: found the label "spma", expected one of "ham", "spam". Is it "spam"?`,
      ),
    ]);
  });

  test('a LoRA adapter of a classifier is asked with its base, labels from the config.json beside it', async () => {
    const base = place.at('base');
    const start = makeModel(config, { seed: 1 });
    const weights = await collectBytes(await modelFile(device, start));
    keep(
      base,
      new Map<string, Uint8Array | string>([
        ['config.json', modelConfigJson(config, ids)],
        ['model.safetensors', weights],
        ...tokenizer.files(),
      ]),
    );
    const adapted = lora(start, { r: 4, targets: ['all-linear'], seed: 3 });
    const model = new Classifier(adapted, { ...own, seed: 2 });
    await trained(model, [...adapted.adapter.parameters, model.score.weight]);
    const files = await adapterFiles(device, adapted, { base, score: [model.score.weight] });
    const written = await Promise.all(
      [...files].map(
        async ([name, content]) =>
          [name, content instanceof Uint8Array ? content : await collectBytes(content)] as const,
      ),
    );
    const dir = place.at('adapter');
    keep(dir, new Map<string, Uint8Array | string>([...written, ['config.json', json(config)], ...tokenizer.files()]));
    const asked = await predicted(dir);
    expect(asked.map(({ label }) => label)).toEqual(rows.map(({ label }) => labels[label]));

    const plain = place.at('merged');
    const merged = await run(['convert', '--model', base, '--merge', dir, '--out', plain]);
    expect(merged.code, merged.stderr).toBe(0);
    expect(JSON.parse(fs.readFileSync(`${plain}/config.json`, 'utf8'))).toEqual(JSON.parse(json(config)));
    expect(fs.readdirSync(plain).sort()).toEqual(
      ['config.json', 'model.safetensors', ...tokenizer.files().keys()].sort(),
    );
    const alone = await predicted(plain);
    expect(alone.map(({ label }) => label)).toEqual(asked.map(({ label }) => label));
    for (const [i, { probabilities }] of alone.entries())
      expect(probabilities.spam).toBeCloseTo(asked[i]!.probabilities.spam!, 5);
    // The adapter names its base itself.
    const again = place.at('merged-again');
    expect((await run(['convert', '--model', dir, '--out', again])).code).toBe(0);
    expect(filesOf(again)).toEqual(filesOf(plain));
    // Another classifier as the base: the scores are the adapter's.
    const other = place.at('merged-other');
    expect((await run(['convert', '--model', folder, '--merge', dir, '--out', other])).code).toBe(0);
    const scores = async (at: string) => (await weightsOf(at)).get('score.weight');
    expect(await scores(other)).toEqual(await scores(plain));
    expect(await scores(other)).not.toEqual(await scores(folder));
  });

  describe('convert', () => {
    test.each(['f32', 'f16', 'bf16'] as const)('to %s keeps what it says of texts, and its labels', async (dtype) => {
      const out = place.at(dtype);
      const { code, stderr } = await run(['convert', '--model', folder, '--out', out, '--dtype', dtype]);
      expect(code, stderr).toBe(0);
      expect(fs.readdirSync(out).sort()).toEqual(fs.readdirSync(folder).sort());
      const [before, after] = [await predicted(folder), await predicted(out)];
      expect(after.map(({ label }) => label)).toEqual(before.map(({ label }) => label));
      const within = { f32: 1e-12, f16: 2e-2, bf16: 1e-1 }[dtype];
      for (const [i, { probabilities }] of after.entries())
        expect(Math.abs(probabilities.spam! - before[i]!.probabilities.spam!)).toBeLessThanOrEqual(within);
      const kind = dtype === 'f16' ? 'F16' : 'BF16';
      for (const [name, data] of await weightsOf(folder))
        expect((await weightsOf(out)).get(name)).toEqual(
          dtype === 'f32' ? data : halvesToFloat32(float32ToHalves(data, kind), kind),
        );
    });

    test('tells of a pooling that other tools do not know, and refuses a form that has no place for scores', async () => {
      const mean = place.at('mean');
      fs.cpSync(folder, mean, { recursive: true });
      fs.writeFileSync(`${mean}/config.json`, json(config, { ...own, pooling: 'mean' }));
      const { code, stderr } = await run(['convert', '--model', mean, '--out', place.at('mean-out')]);
      expect([code, stderr]).toEqual([0, expect.stringContaining('the answer is read from the mean over all tokens')]);
      expect(await predicted(place.at('mean-out'))).toEqual(await predicted(mean));
      const gguf = ['--gguf', place.at('never.gguf'), '--out', place.at('never')];
      const refused = await run(['convert', '--model', folder, ...gguf]);
      expect([refused.code, refused.errors]).toEqual([
        2,
        [
          `--gguf: ${folder}/config.json is that of a classifier, expected a language model: scores of labels have no place in such a file. Write a folder with --out.`,
        ],
      ]);
      expect(fs.existsSync(place.at('never'))).toBe(false);
    });

    test('does not put the adapter of a language model into a classifier', async () => {
      const start = makeModel(config, { seed: 1 });
      const files = await adapterFiles(device, lora(start, { r: 2, seed: 3 }), { base: folder });
      const dir = place.at('no-scores');
      fs.mkdirSync(dir);
      for (const [name, content] of files)
        fs.writeFileSync(`${dir}/${name}`, content instanceof Uint8Array ? content : await collectBytes(content));
      const { code, errors } = await run(['convert', '--model', folder, '--merge', dir, '--out', place.at('never')]);
      expect([code, errors[0]]).toEqual([2, expect.stringMatching(/1 missing: "base_model\.model\.score\.weight"/)]);
    });
  });

  test('what is no classifier is refused, and a classifier where a language model is meant', async () => {
    const plain = await writeModelFolder(
      place.at('plain'),
      gpt2Json,
      randomEntries(gpt2Json),
      Object.fromEntries(tokenizer.files()),
    );
    const asked = await run(['predict', '--model', plain, '--data', test_tsv]);
    expect([asked.code, asked.errors[0]]).toEqual([
      2,
      `${plain}/config.json: found a language model, expected a classifier. Train one from it: finetune --task classify.`,
    ]);
    const generated = await run(['generate', '--model', folder, '--prompt', 'a']);
    expect([generated.code, generated.errors[0]]).toEqual([
      2,
      `${folder}/config.json: found a classifier ("ham", "spam"), expected a language model. Ask it with predict, measure it with evaluate --task classify.`,
    ]);
  });

  test('flags and files that do not fit are refused', async () => {
    const refused = async (...words: string[]) => {
      const { code, errors } = await run(['predict', '--model', folder, ...words]);
      expect(code).toBe(2);
      return errors[0];
    };
    expect(await refused('--text-column', 'text')).toMatch(/^--text-column: found without --data/);
    expect(await refused('--data', test_tsv, '--text-column', 'body')).toMatch(
      /test\.tsv: line 1: found no "body"; it has "label", "text"\. Name the column with --text-column\.$/,
    );
    expect(await refused('--data', at('plain.txt', 'hello\n'), '--text-column', 'text')).toMatch(
      /^--text-column: found it for .* whose lines are texts/,
    );
    expect(await refused('--data', at('short.tsv', 'label\ttext\nham\n'))).toMatch(
      /short\.tsv: line 2: found 1 column, expected 2 or more/,
    );
    expect(await refused('--data', at('rows.ndjson', '{"txet":"hello."}\n'))).toMatch(
      /rows\.ndjson: line 1: found no "text"; it has "txet", is that it\? Name the field with --text-column\.$/,
    );
    const { code, errors } = await run(['evaluate', '--model', folder, '--task', 'classify']);
    expect([code, errors[0]]).toEqual([2, expect.stringMatching(/^--data: found nothing/)]);
    const other = await run(['evaluate', '--model', folder, '--data', test_tsv, '--label-column', 'x']);
    expect(other.errors[0]).toMatch(
      /^--label-column: found beside --task language, expected it with --task classify alone/,
    );
  });
});
