// Rows to tune a model on, in the forms that they come in: Alpaca's {instruction, input, output}, chat messages
// {messages: [{role, content}]}, ShareGPT's {conversations: [{from, value}]}, and TRL's {prompt, completion}, each a text or messages.
// All become messages, the last one an answer.
import { misfit, nearest } from '../../checkpoint/fields.ts';
import { described, firstTen, type JsonObject, type JsonValue, quoted } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';
import type { ChatMessage } from '../chat_template.ts';
import type { JsonRow } from '../json_rows.ts';

export interface Example extends JsonRow {
  /** Those up to the last of the assistant. */
  readonly messages: readonly ChatMessage[];
  /** Of an Alpaca row: what its instruction is about, '' for none. Others have none. */
  readonly input?: string;
  /** The question is the whole prompt, as it stands: neither a chat template nor Alpaca's prompt is put around it. Default false. */
  readonly verbatim?: boolean;
  /** How many messages are the prompt: no answer among them is learned. Default 0. */
  readonly asked?: number;
}

/** What a form makes of a row. */
type Read = Omit<Example, keyof JsonRow>;

interface Form {
  /** As people are told it. */
  readonly name: string;
  readonly required: readonly string[];
  readonly optional: readonly string[];
  read(fields: JsonObject, where: string): Read;
}

const correct = 'Correct the row.';

const FORMS: readonly Form[] = [
  { name: 'chat messages', required: ['messages'], optional: [], read: chatMessages },
  { name: "ShareGPT's conversations", required: ['conversations'], optional: ['system'], read: conversations },
  { name: "Alpaca's instructions", required: ['instruction', 'output'], optional: ['input', 'system'], read: alpaca },
  { name: 'prompts and completions', required: ['prompt', 'completion'], optional: [], read: prompted },
];

/** Who speaks in ShareGPT's rows: the role of each name. */
export const SPEAKERS = new Map([
  ...['human', 'user'].map((from) => [from, 'user'] as const),
  ...['gpt', 'chatgpt', 'assistant'].map((from) => [from, 'assistant'] as const),
  ['system', 'system'],
]);

export interface Examples {
  readonly examples: readonly Example[];
  /** The form of all of them, in words. */
  readonly form: string;
  /** A sentence about keys that were not read, where there are any. */
  readonly notes: readonly string[];
}

/**
 * Rows as conversations. The first row says which form all have.
 * @param file for messages, as the rows name it
 * @throws InputError naming the row: for no rows, a form that is not known, keys that are missing or misspelt, other values than texts,
 *   a speaker that is not known, and a conversation without an answer
 */
export function readExamples(rows: Iterable<JsonRow>, file: string): Examples {
  const examples: Example[] = [];
  const ignored = new Set<string>();
  let form: Form | undefined;
  for (const { where, fields } of rows) {
    form ??= formOf(fields, where);
    checkKeys(fields, form, where);
    for (const key of foreignKeys(fields, form)) if (ignored.size < 11) ignored.add(key);
    examples.push({ where, fields, ...form.read(fields, where) });
  }
  if (!form) throw new InputError(`${file}: found no rows, expected ${expectedForms()}.`);
  const notes = ignored.size > 0 ? [`${file}: keys ignored: ${firstTen([...ignored].map(quoted))}`] : [];
  return { examples, form: form.name, notes };
}

const expectedForms = () => `objects with ${FORMS.map(({ required }) => required.join(' and ')).join(', or with ')}`;

const foreignKeys = (fields: JsonObject, { required, optional }: Form) =>
  [...fields.keys()].filter((key) => !required.includes(key) && !optional.includes(key));

/** The form that has all its keys, or else the one that has any of them, perhaps misspelt. */
function formOf(fields: JsonObject, where: string): Form {
  const has = (key: string) => fields.has(key);
  const looksLike = (key: string) => has(key) || [...fields.keys()].some((other) => nearest(other, [key]));
  const form =
    FORMS.find(({ required }) => required.every(has)) ?? FORMS.find(({ required }) => required.some(looksLike));
  if (form) return form;
  const found = fields.size === 0 ? 'no keys' : `the keys ${firstTen([...fields.keys()].map(quoted))}`;
  throw new InputError(`${where}: found ${found}, expected ${expectedForms()}. Rename the keys.`);
}

function checkKeys(fields: JsonObject, form: Form, where: string): void {
  const foreign = foreignKeys(fields, form);
  for (const key of [...form.required, ...form.optional]) {
    if (fields.has(key)) continue;
    const near = foreign.find((other) => nearest(other, [key]));
    if (near)
      throw new InputError(`${where}: found no ${quoted(key)}; it has ${quoted(near)}, is that it? Correct the key.`);
    if (form.required.includes(key))
      throw new InputError(
        `${where}: found no ${quoted(key)} among ${firstTen([...fields.keys()].map(quoted)) || 'no keys'}, expected ${form.name} in every row. ${adviceOn(fields)}`,
      );
  }
}

function textOf(fields: JsonObject, key: string, where: string): string {
  const value = fields.get(key);
  if (typeof value === 'string') return value;
  throw misfit(where, key, value, 'text', correct);
}

/** A text that may be absent or null. */
const textOrNone = (fields: JsonObject, key: string, where: string) =>
  (fields.get(key) ?? null) === null ? '' : textOf(fields, key, where);

const systemTurn = (fields: JsonObject, where: string): ChatMessage[] => {
  const content = textOrNone(fields, 'system', where);
  return content === '' ? [] : [{ role: 'system', content }];
};

function alpaca(fields: JsonObject, where: string): Read {
  const user = { role: 'user', content: textOf(fields, 'instruction', where) };
  const assistant = { role: 'assistant', content: textOf(fields, 'output', where) };
  return { messages: [...systemTurn(fields, where), user, assistant], input: textOrNone(fields, 'input', where) };
}

function chatMessages(fields: JsonObject, where: string): Read {
  return { messages: upToAnswer(messagesOf(fields, 'messages', where), fields, where) };
}

/** Two texts are one text, cut where the answer begins; else a text is a turn. */
function prompted(fields: JsonObject, where: string): Read {
  const spoken = (key: string, role: string) => {
    const content = fields.get(key);
    if (typeof content === 'string') return [{ role, content }];
    if (!Array.isArray(content)) throw misfit(where, key, content, 'a text or a list of turns', correct);
    return messagesOf(fields, key, where);
  };
  const prompt = spoken('prompt', 'user');
  const answer = upToAnswer(spoken('completion', 'assistant'), fields, where);
  const verbatim = ['prompt', 'completion'].every((key) => typeof fields.get(key) === 'string');
  return { messages: [...prompt, ...answer], verbatim, asked: prompt.length };
}

function messagesOf(fields: JsonObject, key: string, where: string): ChatMessage[] {
  return turns(fields, key, where).map((turn, i) => {
    const at = `${where}: ${key}[${i}]`;
    const role = textOf(turn, 'role', at);
    if (!/^\p{L}[\p{L}\p{N}_]*$/u.test(role))
      throw misfit(at, 'role', role, 'a word such as system, user or assistant', correct);
    return { role, content: textOf(turn, 'content', at) };
  });
}

function conversations(fields: JsonObject, where: string): Read {
  const messages = turns(fields, 'conversations', where).map((turn, i) => {
    const at = `${where}: conversations[${i}]`;
    const from = textOf(turn, 'from', at);
    const role = SPEAKERS.get(from);
    if (role === undefined) throw misfit(at, 'from', from, 'human, gpt or system', correct);
    return { role, content: textOf(turn, 'value', at) };
  });
  return { messages: upToAnswer([...systemTurn(fields, where), ...messages], fields, where) };
}

function turns(fields: JsonObject, key: string, where: string): JsonObject[] {
  const list = fields.get(key);
  if (!Array.isArray(list)) throw misfit(where, key, list, 'a list of turns', correct);
  return list.map((turn: JsonValue, i) => {
    if (turn instanceof Map) return turn;
    throw new InputError(`${where}: ${key}[${i}]: found ${described(turn)}, expected an object. ${correct}`);
  });
}

/** What comes behind the last answer teaches nothing. */
function upToAnswer(messages: readonly ChatMessage[], fields: JsonObject, where: string): readonly ChatMessage[] {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  if (last >= 0) return messages.slice(0, last + 1);
  throw new InputError(
    `${where}: found no turn of the assistant among ${messages.length}, expected one to learn from. ${adviceOn(fields)}`,
  );
}

const adviceOn = (fields: JsonObject) =>
  fields.has('chosen') ? 'Rows with a chosen and a rejected answer are for --task prefer.' : correct;
