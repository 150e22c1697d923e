// Rows with two answers, of which one is preferred: those that instruction tuning reads, with `chosen` and `rejected` in place of the
// one answer. Both become conversations that differ in their last message alone.
import { misfit, nearest } from '../../checkpoint/fields.ts';
import { firstTen, type JsonObject, type JsonValue, quoted } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';
import { type Example, readExamples, SPEAKERS } from '../instruct/examples.ts';
import type { JsonRow } from '../json_rows.ts';

/** Two conversations with the same beginning. */
export interface ExamplePair {
  /** For messages. */
  readonly where: string;
  readonly chosen: Example;
  readonly rejected: Example;
}

export interface ExamplePairs {
  readonly pairs: readonly ExamplePair[];
  /** The form of all of them, in words. */
  readonly form: string;
  /** A sentence about keys that were not read, where there are any. */
  readonly notes: readonly string[];
}

const correct = 'Correct the row.';

type Side = 'chosen' | 'rejected';
const SIDES: readonly Side[] = ['chosen', 'rejected'];

interface Turn {
  /** Keys of who speaks and of what is said. */
  readonly speaker: string;
  readonly words: string;
  /** Who answers. */
  readonly answers: readonly string[];
}

/** By the key of a conversation. */
const TURNS = new Map<string, Turn>([
  ['messages', { speaker: 'role', words: 'content', answers: ['assistant'] }],
  [
    'conversations',
    {
      speaker: 'from',
      words: 'value',
      answers: [...SPEAKERS.keys()].filter((from) => SPEAKERS.get(from) === 'assistant'),
    },
  ],
]);

/**
 * Pairs of the forms {instruction, input, chosen, rejected}, {messages, chosen, rejected} and {conversations, chosen, rejected}. An
 * answer is a text, or, behind a conversation, a turn of it. An Alpaca row's own `output` is not read.
 * @param file for messages, as the rows name it
 * @throws InputError naming the row: for an answer that is missing, misspelt or no answer, and as readExamples
 */
export function readPairs(rows: Iterable<JsonRow>, file: string): ExamplePairs {
  const completed: Record<Side, JsonRow[]> = { chosen: [], rejected: [] };
  for (const row of rows) for (const side of SIDES) completed[side].push(withAnswer(row, side));
  const [chosen, rejected] = SIDES.map((side) => readExamples(completed[side], file));
  const pairs = chosen!.examples.map((example, i) => ({
    where: example.where,
    chosen: example,
    rejected: rejected!.examples[i]!,
  }));
  return { pairs, form: chosen!.form, notes: chosen!.notes };
}

/** The row as it would be with this one answer. */
function withAnswer({ where, fields }: JsonRow, side: Side): JsonRow {
  const answer = fields.get(side);
  if (answer === undefined) throw noAnswer(fields, side, where);
  const rest = new Map([...fields].filter(([key]) => key !== 'chosen' && key !== 'rejected'));
  const [key, turn] = [...TURNS].find(([name]) => rest.has(name)) ?? [];
  if (!turn) {
    checkPrompt(fields, where);
    return { where, fields: rest.set('output', textOf(answer, side, where)) };
  }
  const last = turnOf(answer, turn, side, where);
  // What is no list is refused where it is read.
  const turns = rest.get(key!);
  return { where, fields: Array.isArray(turns) ? rest.set(key!, [...turns, last]) : rest };
}

/** @throws InputError where nothing stands in front of the answers, under no name that may be a slip: those are found with the others */
function checkPrompt(fields: JsonObject, where: string): void {
  const prompts = ['instruction', ...TURNS.keys()];
  if ([...fields.keys()].some((key) => prompts.includes(key) || nearest(key, prompts))) return;
  throw new InputError(
    `${where}: found the keys ${firstTen([...fields.keys()].map(quoted))}, expected one of ${prompts.join(', ')} beside the answers. Rename the key of what they answer.`,
  );
}

/** An answer as a turn: a text, a turn, or a list that has it alone. */
function turnOf(answer: JsonValue, { speaker, words, answers }: Turn, side: Side, where: string): JsonObject {
  const [only, ...others] = Array.isArray(answer) ? answer : [answer];
  if (typeof only === 'string')
    return new Map([
      [speaker, answers[0]!],
      [words, only],
    ]);
  if (!(only instanceof Map) || others.length > 0)
    throw misfit(where, side, answer, 'the text of an answer, or its turn of the conversation', correct);
  const from = only.get(speaker);
  if (answers.some((each) => each === from)) return only;
  throw misfit(`${where}: ${side}`, speaker, from, answers.join(' or '), correct);
}

function textOf(answer: JsonValue, side: Side, where: string): string {
  if (typeof answer === 'string') return answer;
  throw misfit(where, side, answer, 'text', correct);
}

function noAnswer(fields: JsonObject, side: Side, where: string): InputError {
  const near = [...fields.keys()].find((key) => !SIDES.some((each) => each === key) && nearest(key, [side]));
  const keys = firstTen([...fields.keys()].map(quoted)) || 'no keys';
  return new InputError(
    near === undefined
      ? `${where}: found no ${quoted(side)} among ${keys}, expected a chosen and a rejected answer in every row. ${correct}`
      : `${where}: found no ${quoted(side)}; it has ${quoted(near)}, is that it? Correct the key.`,
  );
}
