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

const MESSAGE: Turn = { speaker: 'role', words: 'content', answers: ['assistant'] };

/** By the key of a conversation. */
const TURNS = new Map<string, Turn>([
  ['messages', MESSAGE],
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
 * Pairs of the forms {instruction, input, chosen, rejected}, {messages, chosen, rejected}, {conversations, chosen, rejected} and
 * {prompt, chosen, rejected}. An answer is a text, or, behind a conversation, a turn of it; a prompt is a text or messages. Two lists of
 * messages are whole conversations: what they begin with alike is the prompt, whatever else the row has. An Alpaca row's own
 * `output` is not read. Source of the last form: the "preference" of TRL (huggingface.co/docs/trl/dataset_formats).
 * @param file for messages, as the rows name it
 * @throws InputError naming the row: for an answer that is missing, misspelt or no answer, and as readExamples
 */
export function readPairs(rows: Iterable<JsonRow>, file: string): ExamplePairs {
  const completed: Record<Side, JsonRow[]> = { chosen: [], rejected: [] };
  for (const row of rows) {
    const { where } = row;
    const fields = withPrompt(row);
    for (const side of SIDES) completed[side].push(withAnswer({ where, fields }, side));
  }
  const [chosen, rejected] = SIDES.map((side) => readExamples(completed[side], file));
  const pairs = chosen!.examples.map((example, i) => ({
    where: example.where,
    chosen: example,
    rejected: rejected!.examples[i]!,
  }));
  return { pairs, form: chosen!.form, notes: chosen!.notes };
}

/** A row of two whole conversations as one of a prompt and two answers. @throws InputError where they begin otherwise */
function withPrompt({ where, fields }: JsonRow): JsonObject {
  const [chosen, rejected] = SIDES.map((side) => fields.get(side));
  if (!Array.isArray(chosen) || !Array.isArray(rejected)) return fields;
  const most = Math.min(chosen.length, rejected.length) - 1;
  // Behind turns of another beginning they are answers of several turns, which are refused later.
  const beside = ['prompt', ...TURNS.keys()].map((key) => fields.get(key)).filter(Array.isArray);
  if (most < 1 || beside.some(([first]) => !sameTurn(first, chosen[0]))) return fields;
  let common = 0;
  while (common < most && sameTurn(chosen[common], rejected[common])) common++;
  if (common === 0)
    throw new InputError(
      `${where}: found a chosen and a rejected conversation that begin otherwise, expected the same turns up to the answer. ${correct}`,
    );
  return new Map([...fields].filter(([key]) => key !== 'instruction' && !TURNS.has(key)))
    .set('prompt', chosen.slice(0, common))
    .set('chosen', chosen.slice(common))
    .set('rejected', rejected.slice(common));
}

function sameTurn(a?: JsonValue, b?: JsonValue): boolean {
  if (!(a instanceof Map && b instanceof Map)) return false;
  return [MESSAGE.speaker, MESSAGE.words].every((key) => a.has(key) && a.get(key) === b.get(key));
}

/** The row as it would be with this one answer. */
function withAnswer({ where, fields }: JsonRow, side: Side): JsonRow {
  const answer = fields.get(side);
  if (answer === undefined) throw noAnswer(fields, side, where);
  const rest = new Map([...fields].filter(([key]) => key !== 'chosen' && key !== 'rejected'));
  const [key, turn] = [...TURNS].find(([name]) => rest.has(name)) ?? [];
  if (!turn) {
    checkPrompt(fields, where);
    const prompted = !rest.has('instruction') && [...rest.keys()].some((name) => isNear(name, ['prompt']));
    if (!prompted) return { where, fields: rest.set('output', textOf(answer, side, where)) };
    // Texts all three are one text with two ends; else what is a text is a turn.
    const texts = ['prompt', ...SIDES].every((name) => typeof fields.get(name) === 'string');
    return { where, fields: rest.set('completion', texts ? answer : [turnOf(answer, MESSAGE, side, where)]) };
  }
  const last = turnOf(answer, turn, side, where);
  // What is no list is refused where it is read.
  const turns = rest.get(key!);
  return { where, fields: Array.isArray(turns) ? rest.set(key!, [...turns, last]) : rest };
}

/** @throws InputError where nothing stands in front of the answers, under no name that may be a slip: those are found with the others */
function checkPrompt(fields: JsonObject, where: string): void {
  const prompts = ['instruction', 'prompt', ...TURNS.keys()];
  if ([...fields.keys()].some((key) => isNear(key, prompts))) return;
  throw new InputError(
    `${where}: found the keys ${firstTen([...fields.keys()].map(quoted))}, expected one of ${prompts.join(', ')} beside the answers. Rename the key of what they answer.`,
  );
}

const isNear = (key: string, names: readonly string[]) => names.includes(key) || nearest(key, names) !== undefined;

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
