// HellaSwag: a situation and four ways in which it may go on, one of which is true. Source: Zellers et al. 2019 (arXiv:1905.07830).
import { misfit, text, wholeNumber } from '../checkpoint/fields.ts';
import { described, type JsonObject, type JsonValue, parseJson } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { linesOf } from './file_lines.ts';
import { findText } from './text_source.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface HellaSwagItem {
  /** `FILE: line N`, for messages. */
  readonly where: string;
  readonly context: string;
  readonly endings: readonly string[];
  /** Number of the true one, from 0. */
  readonly label: number;
}

/** Token ids of a context and what follows it. */
export interface Completion {
  readonly ids: readonly number[];
  /** The first id of what follows. */
  readonly from: number;
}

const correct = 'Correct the line.';

/**
 * The items of a file: a JSON object a line with `ctx`, `endings` and `label` (a number, or as a text, as the data set itself has it).
 * @param most items that are taken, from the beginning
 * @throws InputError naming file and line
 */
export function readHellaSwag(file: string, most = Number.POSITIVE_INFINITY): HellaSwagItem[] {
  const items: HellaSwagItem[] = [];
  for (const path of findText(file).files) {
    let line = 0;
    for (const json of linesOf(path)) {
      line++;
      if (items.length >= most) return items;
      if (/\S/.test(json)) items.push(itemOf(json, `${path}: line ${line}`));
    }
  }
  if (items.length > 0) return items;
  throw new InputError(`${file}: found no items, expected a JSON object a line with ctx, endings and label.`);
}

function itemOf(json: string, where: string): HellaSwagItem {
  const row = parseJson(json, where);
  if (!(row instanceof Map))
    throw new InputError(
      `${where}: found ${described(row)}, expected an object with ctx, endings and label. ${correct}`,
    );
  const endings = row.get('endings');
  if (
    !Array.isArray(endings) ||
    endings.length < 2 ||
    !endings.every((each) => typeof each === 'string' && each !== '')
  )
    throw misfit(where, 'endings', endings, 'a list of two or more texts', correct);
  return { where, context: text(row, 'ctx', where), endings: endings as string[], label: labelOf(row, endings, where) };
}

function labelOf(row: JsonObject, endings: readonly JsonValue[], where: string): number {
  const label = row.get('label');
  const number = typeof label === 'string' && /^\d+$/.test(label) ? new Map(row).set('label', Number(label)) : row;
  return wholeNumber(number, 'label', where, 0, endings.length - 1);
}

/**
 * Each ending behind the context, with a space between, encoded together: what follows the context's own ids is the ending's.
 * Source: EleutherAI's lm-evaluation-harness, which encodes requests so.
 * @throws InputError for characters that the tokenizer lacks, naming the line
 */
export function completionsOf({ where, context, endings }: HellaSwagItem, tokenizer: Tokenizer): Completion[] {
  try {
    const before = tokenizer.encode(context);
    return endings.map((ending) => {
      const ids = tokenizer.encode(`${context} ${ending}`);
      if (ids.length < 2) throw new InputError('found a single token in all, expected at least one before the ending.');
      // An ending that has run together with the context still has its last token.
      return { ids, from: Math.max(1, Math.min(before.length, ids.length - 1)) };
    });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${where}: ${error.message}`, { cause: error });
  }
}
