// Pairs of answers from files: the forms they come in, what is refused with its row, and what is dropped, cut and counted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteTokenizer } from '../src/data/byte.ts';
import { ChatTemplate } from '../src/data/chat_template.ts';
import { alpacaPrompt } from '../src/data/instruct/alpaca.ts';
import { ExampleEncoder } from '../src/data/instruct/encode.ts';
import { jsonRows } from '../src/data/json_file.ts';
import { rowsOfLines, rowsOfList } from '../src/data/json_rows.ts';
import { encodePairs, pairNotes, type TokenPair } from '../src/data/preference/encoded_pairs.ts';
import { readPairs } from '../src/data/preference/pairs.ts';
import { InputError } from '../src/errors.ts';
import { jsonMutants } from './harness/mutants.ts';
import { testWith } from './harness/shared.ts';

const tokenizer = new ByteTokenizer();
const file = 'pairs.json';
const read = (...rows: unknown[]) => readPairs(rowsOfList(JSON.stringify(rows), file), file);
const encoder = new ExampleEncoder(tokenizer, null, 'last');
const encode = (rows: readonly object[], blockSize = 1000) =>
  encodePairs(read(...rows).pairs, encoder, file, { blockSize });
const trainedText = ({ ids, trained }: TokenPair['chosen']) => tokenizer.decode([...ids].filter((_, i) => trained[i]));
const promptText = ({ ids, trained }: TokenPair['chosen']) => tokenizer.decode([...ids].filter((_, i) => !trained[i]));

const rowOf = (chosen: string, rejected: string, instruction = 'Say.') => ({
  instruction,
  input: '',
  chosen,
  rejected,
});

describe('the forms of rows', () => {
  test("Alpaca's instruction with two answers; the row's own output is not read", () => {
    const row = { instruction: 'Spell.', input: 'freind', output: 'none of both', rejected: 'no', chosen: 'friend' };
    const { pairs, form, notes } = read(row);
    expect([form, notes]).toEqual(["Alpaca's instructions", []]);
    const [pair] = encodePairs(pairs, encoder, file, { blockSize: 1000 }).pairs;
    for (const [side, answer] of [
      ['chosen', 'friend'],
      ['rejected', 'no'],
    ] as const) {
      expect(promptText(pair![side])).toBe(alpacaPrompt('Spell.', 'freind'));
      expect(trainedText(pair![side])).toBe(
        answer + tokenizer.decode(tokenizer.eosId === null ? [] : [tokenizer.eosId]),
      );
    }
  });

  const asked = [{ role: 'user', content: 'Hi' }];
  const shared = [{ from: 'human', value: 'Hi' }];
  const conversation = (content: string) => [...asked, { role: 'assistant', content }];
  test.each([
    [
      'chat messages and turns',
      { messages: asked, chosen: { role: 'assistant', content: 'a' }, rejected: { role: 'assistant', content: 'b' } },
    ],
    ['chat messages and texts', { messages: asked, chosen: 'a', rejected: 'b' }],
    [
      'chat messages and lists of one turn',
      {
        messages: asked,
        chosen: [{ role: 'assistant', content: 'a' }],
        rejected: [{ role: 'assistant', content: 'b' }],
      },
    ],
    [
      "ShareGPT's conversations and turns",
      { conversations: shared, chosen: { from: 'gpt', value: 'a' }, rejected: { from: 'chatgpt', value: 'b' } },
    ],
    ["ShareGPT's conversations and texts", { conversations: shared, chosen: 'a', rejected: 'b' }],
    ['a prompt of messages and texts', { prompt: asked, chosen: 'a', rejected: 'b' }],
    [
      'a prompt of messages and lists of one turn',
      {
        prompt: asked,
        chosen: [{ role: 'assistant', content: 'a' }],
        rejected: [{ role: 'assistant', content: 'b' }],
      },
    ],
    ['a prompt of text and a turn', { prompt: 'Hi', chosen: { role: 'assistant', content: 'a' }, rejected: 'b' }],
    ['whole conversations', { chosen: conversation('a'), rejected: conversation('b') }],
    [
      'whole conversations beside their question and one of them again',
      { prompt: 'Hi', messages: conversation('a'), chosen: conversation('a'), rejected: conversation('b') },
    ],
  ])('%s', (_, row) => {
    const [{ where, chosen, rejected }] = read(row).pairs as [ReturnType<typeof read>['pairs'][number]];
    expect([where, chosen.messages, rejected.messages]).toEqual([
      `${file}: row 1`,
      conversation('a'),
      conversation('b'),
    ]);
  });

  test('a prompt and answers that are texts are taken as they stand, and no template is put around them', async () => {
    const { pairs, form } = read({ prompt: 'The sky is', chosen: ' blue.', rejected: ' green.' });
    expect(form).toBe('prompts and completions');
    const template = await ChatTemplate.fromText("{% for m in messages %}[{{ m['content'] }}]{% endfor %}");
    for (const each of [null, template]) {
      const encoder = new ExampleEncoder(tokenizer, each, 'last');
      const [pair] = encodePairs(pairs, encoder, file, { blockSize: 1000 }).pairs;
      expect([promptText(pair!.chosen), promptText(pair!.rejected)]).toEqual(['The sky is', 'The sky is']);
      expect([trainedText(pair!.chosen), trainedText(pair!.rejected)]).toEqual([' blue.', ' green.']);
    }
  });

  test('behind earlier turns of the assistant the last answer alone is compared', async () => {
    const template = await ChatTemplate.fromText(
      "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
    );
    const earlier = [
      { from: 'human', value: 'Hi' },
      { from: 'gpt', value: 'Hello' },
      { from: 'human', value: 'Bye?' },
    ];
    const { pairs } = read({ conversations: earlier, chosen: 'Bye', rejected: 'No' });
    const [pair] = encodePairs(pairs, new ExampleEncoder(tokenizer, template, 'last'), file, { blockSize: 1000 }).pairs;
    expect(promptText(pair!.chosen)).toBe('[user]Hi\n[assistant]Hello\n[user]Bye?\n[assistant]');
    expect([trainedText(pair!.chosen), trainedText(pair!.rejected)]).toEqual(['Bye\n', 'No\n']);
  });

  test('an object a line', () => {
    const lines = [rowOf('a', 'b'), rowOf('c', 'd')].map((row) => JSON.stringify(row));
    expect(readPairs(rowsOfLines(lines, 'p.jsonl'), 'p.jsonl').pairs.map(({ where }) => where)).toEqual([
      'p.jsonl: line 1',
      'p.jsonl: line 2',
    ]);
  });

  test('other keys are told, once', () => {
    expect(read({ ...rowOf('a', 'b'), score: 1 }, { ...rowOf('a', 'b'), score: 2 }).notes).toEqual([
      'pairs.json: keys ignored: "score"',
    ]);
  });
});

describe('a row is refused, with its number', () => {
  const asked = [{ role: 'user', content: 'Hi' }];
  test.each<[string, object, string]>([
    [
      'without a rejected answer',
      { instruction: 'i', chosen: 'a' },
      'found no "rejected" among "instruction", "chosen", expected a chosen and a rejected answer in every row. Correct the row.',
    ],
    [
      'with a misspelt key of an answer',
      { instruction: 'i', choosen: 'a', rejected: 'b' },
      'found no "chosen"; it has "choosen", is that it? Correct the key.',
    ],
    [
      'with a misspelt key of the prompt',
      { instructoin: 'i', chosen: 'a', rejected: 'b' },
      'found no "instruction"; it has "instructoin", is that it? Correct the key.',
    ],
    [
      'without a prompt',
      { question: 'i', chosen: 'a', rejected: 'b' },
      'found the keys "question", "chosen", "rejected", expected one of instruction, prompt, messages, conversations beside the answers. Rename the key of what they answer.',
    ],
    [
      'with a misspelt prompt',
      { promt: 'i', chosen: 'a', rejected: 'b' },
      'found no "prompt"; it has "promt", is that it? Correct the key.',
    ],
    [
      'with a prompt that is a number',
      { prompt: 5, chosen: 'a', rejected: 'b' },
      'prompt: found 5, expected a text or a list of turns. Correct the row.',
    ],
    [
      'with a number as an answer to a prompt',
      { prompt: 'i', chosen: 'a', rejected: 5 },
      'rejected: found 5, expected the text of an answer, or its turn of the conversation. Correct the row.',
    ],
    [
      'with conversations that begin otherwise',
      {
        chosen: [...asked, { role: 'assistant', content: 'a' }],
        rejected: [{ role: 'user', content: 'Ho' }, asked[0]],
      },
      'found a chosen and a rejected conversation that begin otherwise, expected the same turns up to the answer. Correct the row.',
    ],
    [
      'with answers of several turns behind a prompt',
      { prompt: asked, chosen: [{ role: 'assistant', content: 'a' }, asked[0]], rejected: [asked[0], asked[0]] },
      'chosen: found a list, expected the text of an answer, or its turn of the conversation. Correct the row.',
    ],
    [
      'with a number as an answer',
      { instruction: 'i', chosen: 'a', rejected: 5 },
      'rejected: found 5, expected text. Correct the row.',
    ],
    [
      'with a turn where there is no conversation',
      { instruction: 'i', chosen: asked[0], rejected: 'b' },
      'chosen: found an object, expected text. Correct the row.',
    ],
    [
      'with a whole conversation as an answer',
      { messages: asked, chosen: [...asked, ...asked], rejected: 'b' },
      'chosen: found a list, expected the text of an answer, or its turn of the conversation. Correct the row.',
    ],
    [
      'with an answer of the user',
      { messages: asked, chosen: 'a', rejected: asked[0] },
      'rejected: role: found text "user", expected assistant. Correct the row.',
    ],
    [
      'with an answer of nobody',
      { conversations: [{ from: 'human', value: 'x' }], chosen: { value: 'a' }, rejected: 'b' },
      'chosen: from: found nothing, expected gpt or chatgpt or assistant. Correct the row.',
    ],
    [
      'with a conversation that is none',
      { messages: 'Hi', chosen: 'a', rejected: 'b' },
      'messages: found text "Hi", expected a list of turns. Correct the row.',
    ],
  ])('%s', (_, row, sentence) => {
    const other =
      'messages' in row
        ? { messages: asked, chosen: 'a', rejected: 'b' }
        : 'conversations' in row
          ? { conversations: [{ from: 'human', value: 'x' }], chosen: 'a', rejected: 'b' }
          : 'instruction' in row || 'instructoin' in row
            ? rowOf('a', 'b')
            : { prompt: 'x', chosen: 'a', rejected: 'b' };
    expect(() => read(other, row)).toThrow(InputError);
    expect(() => read(other, row)).toThrow(`${file}: row 2: ${sentence}`);
  });

  test('and a file without any is', () => {
    expect(() => read()).toThrow(/^pairs\.json: found no rows, expected objects with /);
  });

  test('and whatever else a file holds ends in pairs or in a sentence', () => {
    const turn = { role: 'assistant', content: 'b' };
    const seeds = [
      rowOf('a', 'b'),
      { messages: asked, chosen: 'a', rejected: turn },
      { prompt: 'x', chosen: 'a', rejected: 'b' },
      { prompt: asked, chosen: [turn], rejected: 'a' },
      { prompt: 'Hi', chosen: [asked[0], turn], rejected: [asked[0], { ...turn, content: 'a' }] },
    ];
    fc.assert(
      fc.property(jsonMutants(seeds.map((row) => JSON.stringify([row]))), (json) => {
        try {
          encodePairs(readPairs(rowsOfList(json, file), file).pairs, encoder, file, { blockSize: 100 });
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('pairs within a context', () => {
  const prompt = alpacaPrompt('Say.').length;
  const end = tokenizer.eosId === null ? 0 : 1;
  const notesOf = (rows: readonly object[], blockSize: number) =>
    pairNotes(encode(rows, blockSize).counts, blockSize, { eosId: 0 });

  test('that are equal are dropped and counted', () => {
    const rows = [rowOf('a', 'b'), rowOf('same', 'same'), rowOf('x', 'x'), rowOf('c', 'd')];
    const { pairs, counts } = encode(rows);
    expect(pairs.map(({ chosen }) => chosen.where)).toEqual(['pairs.json: row 1', 'pairs.json: row 4']);
    expect(counts.equal).toEqual({ count: 2, first: 'pairs.json: row 2' });
    expect(notesOf(rows, 1000)).toEqual([
      { sentence: '2 pairs equal (chosen = rejected), dropped: the first is pairs.json: row 2.', warn: true },
    ]);
  });

  test('all equal are refused', () => {
    expect(() => encode([rowOf('a', 'a'), rowOf('b', 'b')])).toThrow(
      'pairs.json: found 2 pairs, all equal (chosen = rejected), expected answers that differ. Name another file with --data.',
    );
  });

  test('with an empty answer are dropped and counted; nothing else is refused', () => {
    expect(notesOf([rowOf('', 'b'), rowOf('a', 'b'), rowOf('a', '')], 1000)).toEqual([
      { sentence: '2 pairs with an empty answer, dropped: the first is pairs.json: row 1.', warn: true },
    ]);
    expect(() => encode([rowOf('', 'b'), rowOf('a', 'a')])).toThrow(
      'pairs.json: found 2 pairs, of which 1 are equal and 1 lack an answer, expected two answers that differ. Name another file with --data.',
    );
  });

  test('whose prompt fills it are refused each, and the file where none is left', () => {
    const long = rowOf('a', 'b', 'x'.repeat(300));
    const T = prompt + 20;
    expect(notesOf([rowOf('a', 'b'), long, long], T)).toEqual([
      {
        sentence: `pairs.json: row 2: no answer token left after cutting, refused (0 of ${T + 1} trained); 2 pairs of 3 in all: use a longer --context.`,
        warn: true,
      },
    ]);
    expect(() => encode([long, rowOf('a', 'a')], T)).toThrow(
      `pairs.json: row 1: no answer token left after cutting to the context of ${T} (0 of ${T + 1} trained), and no other pair of 2 to learn from, expected at least one. Use a longer --context, or rows with shorter prompts.`,
    );
  });

  test('whose answers are longer lose their end, and are dropped where nothing differs before', () => {
    const T = prompt + 9;
    const rows = [rowOf('0123456789 yes', '012345678 no'), rowOf('0123456789 yes', 'no')];
    const { pairs } = encode([...rows, rowOf('a', 'b')], T);
    expect(trainedText(pairs[0]!.chosen)).toBe('0123456789');
    expect(trainedText(pairs[0]!.rejected)).toBe('012345678 ');
    expect(notesOf([...rows, rowOf('0123456789 yes', '0123456789 no'), rowOf('a', 'b')], T)).toEqual([
      { sentence: `1 pair equal once cut to the context of ${T}, dropped: pairs.json: row 3.`, warn: true },
      {
        sentence: `2 pairs longer than the context of ${T} lose the end of an answer: the first is pairs.json: row 1.`,
        warn: true,
      },
    ]);
    expect(() => encode([rowOf('0123456789 yes', '0123456789 no')], T)).toThrow(
      `pairs.json: row 1: nothing that differs left after cutting to the context of ${T}, and no other pair of 1 to learn from,`,
    );
  });

  test('count their tokens, those trained on, and headings that somebody typed', () => {
    const { counts } = encode([rowOf('ab ### Response:', 'c')]);
    expect([counts.trained, counts.tokens]).toEqual([17 + 2 * end, 17 + 2 * end + 2 * prompt]);
    expect(counts.typed).toEqual({ count: 1, first: 'pairs.json: row 1' });
  });
});

const PAIRS = '../shared/data/instruct/instruction-data-with-preference.json';
testWith(PAIRS, 'the 1,100 pairs of a book are read, and those that are equal are found', () => {
  const { pairs } = readPairs(jsonRows(PAIRS), PAIRS);
  const equal = pairs.filter(
    ({ chosen, rejected }) => chosen.messages.at(-1)!.content === rejected.messages.at(-1)!.content,
  );
  const { counts, pairs: kept } = encodePairs(pairs, encoder, PAIRS, { blockSize: 4096 });
  expect([pairs.length, counts.equal.count, kept.length]).toEqual([1100, equal.length, 1100 - equal.length]);
});

const CHAT = '../shared/data/instruct/dpo-en-demo.json';
testWith(CHAT, '300 conversations with two answers are read', () => {
  const { pairs, form } = readPairs(jsonRows(CHAT), CHAT);
  expect([pairs.length, form]).toEqual([300, "ShareGPT's conversations"]);
  expect(
    pairs.every(
      ({ chosen, rejected }) =>
        chosen.messages.at(-1)!.role === 'assistant' && rejected.messages.length === chosen.messages.length,
    ),
  ).toBe(true);
});
