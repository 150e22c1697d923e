// What is said of a lesson's data and settings on the page, whatever they are like: nothing in it is of the command line.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Lesson, LessonSettings, Teaching } from '../demo/protocol/lessons.ts';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { text as tale } from './harness/tiny_training.ts';

const words = ['spleen', 'mouth', 'soul', 'sea', 'november', 'funeral', 'time', 'way', 'circulation', 'regulating'];
const word = (i: number) => words[i % words.length]!;
const times = <T>(count: number, of: (i: number) => T) => Array.from({ length: count }, (_, i) => of(i));
const lines = (count: number, of: (i: number) => string) => times(count, of).join('\n');
const json = (count: number, of: (i: number) => object) => lines(count, (i) => JSON.stringify(of(i)));
const row = (i: number) => `a ${word(i)} in the ${word(i + 1 + Math.floor(i / 10))}`;
const asked = (i: number) => ({ instruction: `find ${word(i)}`, input: '' });
const long = 'a sea and a soul '.repeat(20);

/** Data by its name. */
type Data = readonly [name: string, text: string];
const STATES: readonly (readonly [Teaching, Data, Partial<LessonSettings>?])[] = [
  ['classify', ['rows.tsv', `text\tlabel\n${lines(60, (i) => `${row(i)}\t${word(i % 2)}`)}`]],
  ['classify', ['rows.tsv', `text\tlabel\n${lines(60, (i) => `${row(i)}\t${word(i % 2)}`)}`], { context: 99 }],
  ['classify', ['uneven.tsv', `text\tlabel\n${lines(60, (i) => `${row(i)}\t${word(i % 20 ? 0 : 1)}`)}`]],
  ['classify', ['one.tsv', `text\tlabel\n${lines(60, (i) => `${row(i)}\tsea`)}`]],
  ['classify', ['many.tsv', `text\tlabel\n${lines(80, (i) => `${row(i)}\tc${i}`)}`]],
  ['classify', ['few.tsv', 'text\tlabel\na soul\tgrim\n']],
  ['classify', ['long.tsv', `text\tlabel\n${lines(60, (i) => `${long}${row(i)}\t${word(i % 2)}`)}`]],
  ['classify', ['same.tsv', `text\tlabel\n${lines(60, (i) => `a sea\t${word(i % 2)}`)}`]],
  [
    'classify',
    ['gaps.tsv', `text\tlabel\n${lines(60, (i) => (i % 5 ? `${row(i)}\t${word(i % 2)}` : `\t${word(i)}`))}`],
  ],
  ['classify', ['bare.csv', lines(60, (i) => `${row(i)},${word(i % 2)}`)]],
  ['classify', ['three.csv', `a,b,c\n${lines(60, (i) => `${row(i)},${word(i % 2)},${word(i)}`)}`]],
  ['classify', ['rows.jsonl', json(60, (i) => ({ text: row(i), label: i % 2 }))]],
  ['classify', ['kinds.jsonl', json(60, (i) => ({ text: row(i), label: [i] }))]],
  ['classify', ['none.jsonl', json(60, (i) => ({ sentence: row(i), mood: word(i % 2) }))]],
  ['classify', ['empty.tsv', '']],
  ['instruct', ['rows.jsonl', json(40, (i) => ({ ...asked(i), output: word(i + 1) }))]],
  ['instruct', ['same.jsonl', json(40, () => ({ ...asked(1), output: 'sea' }))]],
  ['instruct', ['long.jsonl', json(40, (i) => ({ instruction: long, input: '', output: word(i) }))]],
  ['instruct', ['some.jsonl', json(40, (i) => ({ instruction: i % 2 ? long : 'find', input: '', output: word(i) }))]],
  ['instruct', ['mute.jsonl', json(40, (i) => ({ ...asked(i), output: '' }))]],
  ['instruct', ['gaps.jsonl', json(40, (i) => ({ ...asked(i), output: i % 4 ? word(i) : '' }))]],
  ['instruct', ['verbatim.jsonl', json(40, (i) => ({ prompt: `find ${word(i)} `, completion: word(i + 1) }))]],
  [
    'instruct',
    [
      'chat.jsonl',
      json(40, (i) => ({
        messages: times(4, (at) => ({ role: at % 2 ? 'assistant' : 'user', content: word(i + at) })),
      })),
    ],
  ],
  ['instruct', ['pairs.jsonl', json(40, (i) => ({ ...asked(i), chosen: word(i), rejected: word(i + 1) }))]],
  ['instruct', ['two.jsonl', json(2, (i) => ({ ...asked(i), output: word(i) }))]],
  ['instruct', ['torn.jsonl', '{"instruction": "find", ']],
  ['instruct', ['letters.jsonl', json(40, (i) => ({ ...asked(i), output: 'ÄÖ' }))]],
  ['lora', ['rows.jsonl', json(40, (i) => ({ ...asked(i), output: word(i + 1) }))], { loraR: 900 }],
  ['lora', ['tale.txt', tale.repeat(2)], { loraR: 2 }],
  ['lora', ['short.txt', 'a sea'], { loraR: 2 }],
  ['load', ['short.txt', 'a sea']],
  ['load', ['tale.txt', tale], { context: 4000 }],
  ['load', ['tale.txt', tale], { steps: 1e7 }],
  ['dpo', ['pairs.jsonl', json(20, (i) => ({ ...asked(i), chosen: word(i), rejected: word(i + 1) }))]],
  ['dpo', ['same.jsonl', json(20, (i) => ({ ...asked(i), chosen: word(i), rejected: word(i) }))]],
  ['dpo', ['long.jsonl', json(20, (i) => ({ ...asked(i), chosen: long, rejected: word(i) }))]],
  ['dpo', ['rows.jsonl', json(20, (i) => ({ ...asked(i), output: word(i) }))]],
];

let undo: () => void;
beforeEach(() => {
  undo = standIn(new Map([['moby-dick.txt', tale.repeat(4)]]));
});
afterEach(() => undo());

/** Whatever stands in it, at any depth. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

test('no note, no refusal and no warning of a lesson names a flag', async () => {
  const visit = new PageVisit();
  const search = '?layers=1&heads=2&width=16&context=32&batch=2&steps=3&seed=3&warmup=1&run=0';
  visit.send({ type: 'open', search, hidden: false });
  await visit.said('state', 0, ({ state }) => state === 'waiting');
  const seen = { notes: 0, refused: 0 };
  for (const [id, [chapter, [name, text], settings = {}]] of STATES.entries()) {
    const lesson: Lesson = {
      ...{ chapter, base: 'trained', data: { own: { name, text } } },
      settings: { steps: 3, batch: 4, context: 32, seed: 5, ...settings },
    };
    const said = await visit.ask({ type: 'prepare', id, lesson }, 'prepared', (news) => news.id === id);
    for (const note of said.prepared?.notes ?? []) {
      // What is shown as a figure is not said once more.
      expect(note).not.toMatch(/^(rows|pairs): |^validation/);
      seen.notes++;
    }
    seen.refused += said.error === null ? 0 : 1;
  }
  expect(seen.notes).toBeGreaterThan(10);
  expect(seen.refused).toBeGreaterThan(10);
  // The start event carries no sentence, and a run's words are its own.
  const told = visit.news.filter(({ type }) => type !== 'text');
  expect(textsOf(told).filter((line) => /(^|[\s("'`])--[a-z]/.test(line))).toEqual([]);
});
