// What a person sees of instruction tuning: rows with their masks, and a file of answers.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { writeAnswers } from '../src/cli/instruct_answers.ts';
import { Output } from '../src/cli/output.ts';
import { showMask } from '../src/cli/show_mask.ts';
import { BpeTokenizer } from '../src/data/bpe.ts';
import { ChatTemplate } from '../src/data/chat_template.ts';
import { answersJson } from '../src/data/instruct/answers.ts';
import { ExampleEncoder } from '../src/data/instruct/encode.ts';
import { encodeRows } from '../src/data/instruct/encoded_rows.ts';
import { readExamples } from '../src/data/instruct/examples.ts';
import { jsonRows } from '../src/data/json_file.ts';
import { rowsOfList } from '../src/data/json_rows.ts';
import type { Tokenizer } from '../src/data/tokenizer.ts';
import { answers } from '../src/generate/answers.ts';
import { TokenGenerator } from '../src/generate/generate.ts';
import { makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2_config.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { seedOf } from '../src/optim/optimizer.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { instructRows } from '../src/tasks/instruct.ts';
import { languageTask } from '../src/tasks/language.ts';
import type { ShownRow, TaskRows } from '../src/tasks/rows.ts';
import { littleTokenizer } from './harness/little_tokenizer.ts';
import { scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => {
  device.close();
  place.remove();
});

describe('the view of a mask', () => {
  const words = littleTokenizer(['Hi', ' there', '.', '\n', 'Ahoy', '\x1b[31m', '<end>'], ['<end>']);
  const HI = 0;
  const [THERE, DOT, LINE, AHOY, ESCAPE, TYPED, END] = [1, 2, 3, 4, 5, 6, 7];

  function seen(
    rows: ShownRow[],
    tokenizer: Tokenizer | null = words,
    {
      columns = 80,
      count = rows.length,
      json = false,
      env = { LANG: 'C.UTF-8' } as Record<string, string>,
      isTTY = false,
    } = {},
  ): string[] {
    let text = '';
    const stdout = { write: (more: string) => (text += more), columns, isTTY };
    const made = { length: rows.length, shown: (i: number) => rows[i]! } as TaskRows;
    showMask(new Output({ stdout, stderr: { write: () => {} }, env, json }), made, tokenizer, count);
    return text.split('\n').slice(0, -1);
  }
  const row = (ids: number[], from: number, note?: string): ShownRow => ({
    ids,
    trained: ids.map((_, i) => i >= from),
    ...(note !== undefined && { note }),
  });

  test('has brackets around what is trained on, a bar between tokens, and marks around control tokens', () => {
    expect(
      seen([row([HI, THERE, DOT, LINE, AHOY, DOT, END], 4, 'label x'), row([HI, DOT], 1)], words, { count: 1 }),
    ).toEqual([
      '1 of 2 rows; 3 of 7 tokens are trained on',
      '[trained on]  one token│the next  ⟪control token⟫  ⏎ line break',
      '',
      'row 1: 3 of 7 tokens, label x',
      '  Hi│ there│.│⏎',
      '  [Ahoy│.│⟪<end>⟫]',
    ]);
  });

  test('keeps to ASCII where the terminal has no more, and shows what strangers wrote as symbols', () => {
    const lines = seen([row([ESCAPE, TYPED, END], 2)], words, { env: { LANG: 'C' } });
    expect(lines.slice(1)).toEqual([
      '[trained on]  one token|the next  {{control token}}  \\n line break',
      '',
      'row 1: 1 of 3 tokens',
      '  ␛[31m|<end>[{{<end>}}]',
    ]);
  });

  test('is coloured and underlined on a terminal, without brackets', () => {
    const [, , , , line] = seen([row([HI, DOT, AHOY], 2)], words, {
      isTTY: true,
      env: { LANG: 'C.UTF-8', TERM: 'xterm' },
    });
    expect(line).toBe(
      '  \x1b[2mHi\x1b[22m\x1b[2m│\x1b[22m\x1b[2m.\x1b[22m\x1b[2m│\x1b[22m\x1b[4m\x1b[38;5;32mAhoy\x1b[39m\x1b[24m',
    );
  });

  test('fits the width of the terminal, and cuts no token that fits', () => {
    for (const columns of [20, 37, 80]) {
      const lines = seen(
        [
          row(
            Array.from({ length: 60 }, (_, i) => i % 3),
            30,
          ),
        ],
        words,
        { columns },
      );
      const body = lines.slice(4);
      expect(Math.max(...body.map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(body.map((line) => line.slice(2).replaceAll(/[│[\]]/g, '')).join('')).toBe('Hi there.'.repeat(20));
      for (const part of body.flatMap((line) => line.slice(2).split(/[│[\]]/)))
        expect(part).toMatch(/^(Hi| there|\.|)$/);
    }
  });

  test('shows the bytes of a character together, but not over the border of what is trained on', () => {
    const bytes = BpeTokenizer.fromMerges([], ['<end>']);
    const ids = bytes.encode('é中');
    const shown = (from: number) => seen([row(ids, from)], bytes).at(-1);
    expect(shown(2)).toBe('  é[中]');
    expect(shown(5)).toBe('  é│中');
    expect(shown(3)).toBe('  é│�[�│�]');
  });

  test('is ids without a tokenizer, and objects with --json', () => {
    expect(seen([row([5, 6, 7], 2)], null).at(-1)).toBe('  5 │6 [7 ]');
    expect(JSON.parse(seen([row([5, 6], 1)], null, { json: true })[0]!)).toEqual({
      ...{ event: 'mask', row: 1 },
      ...{ ids: [5, 6], trained: [false, true] },
    });
  });

  test('takes rows as they are trained on', () => {
    const made = instructRows([{ where: '', ids: Int32Array.of(HI, AHOY, END), trained: Uint8Array.of(0, 1, 1) }], {
      blockSize: 8,
    });
    expect(seen([made.shown(0)]).at(-1)).toBe('  Hi[Ahoy│⟪<end>⟫]');
  });
});

describe('answers', () => {
  testWith('../shared/data/instruct/instruction-data-with-response.json', "are written as the book's file is", () => {
    const file = '../shared/data/instruct/instruction-data-with-response.json';
    const { examples, notes } = readExamples(jsonRows(file), file);
    expect(examples).toHaveLength(110);
    expect(notes).toEqual([`${file}: keys ignored: "model_response"`]);
    const responses = examples.map(({ fields }) => fields.get('model_response') as string);
    const unanswered = examples.map((example) => {
      const fields = new Map(example.fields);
      fields.delete('model_response');
      return { ...example, fields };
    });
    expect(answersJson(unanswered, responses)).toBe(fs.readFileSync(file, 'utf8'));
  });

  test('keep whatever else a row holds', () => {
    const row = {
      id: 7,
      messages: [
        { role: 'user', content: 'é "' },
        { role: 'assistant', content: '\x7f' },
      ],
      tags: [],
      n: null,
    };
    const { examples } = readExamples(rowsOfList(JSON.stringify([row]), 'f'), 'f');
    const json = answersJson(examples, ['Ahoy\n😀']);
    expect(json).toBe(`[
    {
        "id": 7,
        "messages": [
            {
                "role": "user",
                "content": "\\u00e9 \\""
            },
            {
                "role": "assistant",
                "content": "\\u007f"
            }
        ],
        "tags": [],
        "n": null,
        "model_response": "Ahoy\\n\\ud83d\\ude00"
    }
]`);
    expect(JSON.parse(json)).toEqual([{ ...row, model_response: 'Ahoy\n😀' }]);
  });

  const bytes = BpeTokenizer.fromMerges([], ['<end>']);
  const sizes = { vocabSize: 257, blockSize: 192, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.5 };
  const model = makeModel(gpt2Config(sizes), { seed: 5 });

  test('of several prompts at once are those of each by itself, as long as the context lets it be', async () => {
    const prompts = [5, 190, 17, 192, 9, 193, 60].map((n, seed) =>
      Array.from({ length: n }, (_, i) => (i * 7 + seed) % 256),
    );
    const generator = new TokenGenerator(device, model);
    const alone: number[][] = [];
    for (const prompt of prompts) {
      const ids: number[] = [];
      const room = model.blockSize - prompt.length + 1;
      if (room > 0)
        for await (const { id } of generator.generate(prompt, { temperature: 0, maxNewTokens: Math.min(6, room) }))
          ids.push(id);
      alone.push(ids);
    }
    generator.release();
    // An id that some text has ends that text before it.
    const eosId = alone[0]![3]!;
    const found: (readonly number[])[] = [];
    for await (const { prompt, ids } of answers(device, model, prompts, { maxNewTokens: 6, eosId, rows: 2 }))
      found[prompt] = ids;
    const until = (ids: number[]) => (ids.includes(eosId) ? ids.slice(0, ids.indexOf(eosId)) : ids);
    expect(found).toEqual(alone.map(until));
    expect(alone.map(({ length }) => length)).toEqual([6, 3, 6, 1, 6, 0, 6]);
  });

  test('go into a file when all are there, and into none when asked to stop', async () => {
    const rows = ['a', 'b', 'c'.repeat(200)].map((instruction) => ({ instruction, output: 'x' }));
    const { examples } = readExamples(rowsOfList(JSON.stringify(rows), 'f'), 'f');
    const encoder = new ExampleEncoder(bytes);
    const to = { folder: place.folder, name: 'answers.json' };
    const options = { maxNewTokens: 4 };
    expect(await writeAnswers(device, model, encoder, examples, to, { ...options, stop: () => true })).toBe(null);
    expect(fs.existsSync(place.at('answers.json'))).toBe(false);
    const told: string[] = [];
    const onAnswer = (done: number, of: number) => void told.push(`${done}/${of}`);
    expect(await writeAnswers(device, model, encoder, examples, to, { ...options, onAnswer })).toBe(1);
    expect(told).toEqual(['1/3', '2/3', '3/3']);
    const written = JSON.parse(fs.readFileSync(place.at('answers.json'), 'utf8')) as Record<string, string>[];
    expect(written.map((row) => Object.keys(row))).toEqual(rows.map(() => ['instruction', 'output', 'model_response']));
    expect(written[2]!.model_response).toBe('');
  });

  test('are learned from packed rows', async () => {
    const tokenizer = BpeTokenizer.fromMerges([], ['<end>', '<ask>', '<say>']);
    const template = await ChatTemplate.fromText(
      "{% for m in messages %}{{ ('<ask>' if m.role == 'user' else '<say>') + m.content + '<end>' }}{% endfor %}{% if add_generation_prompt %}<say>{% endif %}",
    );
    const told = { whale: 'ahoy', ship: 'sails', sea: 'deep blue', port: 'home' };
    const rows = Object.entries(told).map(([asked, said]) => ({
      messages: [
        { role: 'user', content: asked },
        { role: 'assistant', content: said },
      ],
    }));
    const { examples } = readExamples(rowsOfList(JSON.stringify(rows), 'f'), 'f');
    const encoder = new ExampleEncoder(tokenizer, template);
    const made = instructRows(encodeRows(examples, encoder, 'f', { blockSize: 64 }).rows, {
      blockSize: 64,
      packing: true,
    });
    expect(made.length).toBe(1);
    const learner = makeModel(gpt2Config({ ...sizes, vocabSize: 259, blockSize: 64, nEmbd: 32 }), { seed: 7 });
    const optimizer = new AdamW(learner.parameters, { gradClip: 1 });
    const task = languageTask();
    const step = device.compile((batch) => {
      const { loss } = task.loss(learner, batch);
      return { loss, ...optimizer.step(backward(loss, seedOf(optimizer))) };
    });
    for (let t = 0; t < 60; t++) await step(made.batch([0]), { learningRate: 1e-2 });
    const options = { maxNewTokens: 12 };
    await writeAnswers(device, learner, encoder, examples, { folder: place.folder, name: 'learned.json' }, options);
    step.release();
    const written = JSON.parse(fs.readFileSync(place.at('learned.json'), 'utf8')) as { model_response: string }[];
    expect(written.map(({ model_response }) => model_response)).toEqual(Object.values(told));
  });
});
