// The one reader of JSON that others wrote (configurations, tokenizers, headers, saved states): objects become Maps, equal keys
// are refused (JSON.parse would keep the last one), depth is limited, and every fault is an InputError that names the byte.

import { InputError } from '../errors.ts';

/** A whole number that a double cannot hold exactly arrives as a bigint, so that nobody computes with a rounded one. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;
export type JsonObject = Map<string, JsonValue>;

const maxDepth = 64;
/** GPT-2's tokenizer.json has 2 Mi. */
const maxCharacters = 64 * 2 ** 20;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /[A-Za-z_][\w]*|[^\s]/uy;
const escapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * Reads one JSON value.
 * @param where opens every message, such as `config.json` or `model.safetensors: header`
 * @throws InputError at the first fault: nothing at all, over 64 Mi characters, a web page, syntax, equal keys, more than 64
 *   levels, a number out of range, half a surrogate pair
 */
export function parseJson(text: string, where: string): JsonValue {
  if (text.length > maxCharacters)
    throw new InputError(
      `${where}: found ${text.length} characters, expected at most ${maxCharacters} (64 Mi). This is not a file of a model.`,
    );
  if (/^\s*$/.test(text))
    throw new InputError(`${where}: found an empty file, expected JSON. Copy or download it again.`);
  if (/^\s*</.test(text))
    throw new InputError(
      `${where}: found a web page, expected JSON. The download was redirected: fetch the file itself.`,
    );
  return new Parser(text, where).document();
}

class Parser {
  private at = 0;
  private readonly text: string;
  private readonly where: string;

  constructor(text: string, where: string) {
    this.text = text;
    this.where = where;
  }

  document(): JsonValue {
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) this.fault('the end');
    return value;
  }

  private value(depth: number): JsonValue {
    this.space();
    const first = this.text[this.at];
    if (first === '{') return this.object(depth + 1);
    if (first === '[') return this.list(depth + 1);
    if (first === '"') return this.string();
    if (this.take('null')) return null;
    if (this.take('true')) return true;
    if (this.take('false')) return false;
    return this.number();
  }

  private object(depth: number): JsonObject {
    this.enter(depth);
    const entries: JsonObject = new Map();
    if (this.take('}')) return entries;
    for (;;) {
      this.space();
      const keyAt = this.at;
      if (this.text[keyAt] !== '"') this.fault('a key in quotes');
      const key = this.string();
      if (entries.has(key)) {
        throw new InputError(
          `${this.where}: ${quoted(key)} appears twice (again at byte ${this.byteOf(keyAt)}), expected once. ` +
            'It is not clear which one counts: write the file again.',
        );
      }
      this.space();
      if (!this.take(':')) this.fault('":"');
      entries.set(key, this.value(depth));
      this.space();
      if (this.take('}')) return entries;
      if (!this.take(',')) this.fault('"," or "}"');
    }
  }

  private list(depth: number): JsonValue[] {
    this.enter(depth);
    const items: JsonValue[] = [];
    if (this.take(']')) return items;
    for (;;) {
      items.push(this.value(depth));
      this.space();
      if (this.take(']')) return items;
      if (!this.take(',')) this.fault('"," or "]"');
    }
  }

  private enter(depth: number): void {
    if (depth > maxDepth) {
      throw new InputError(
        `${this.where}: nesting over ${maxDepth} levels at byte ${this.byteOf(this.at)}, expected fewer. This is not a file of a model.`,
      );
    }
    this.at++;
    this.space();
  }

  private string(): string {
    const start = this.at++;
    let value = '';
    let escaped = false;
    for (;;) {
      value += this.plainText();
      const next = this.text[this.at];
      if (next === '"') break;
      if (next === undefined) this.fault('a closing quote');
      if (next !== '\\') this.fault('an escaped control character', controlName(next));
      value += this.escape();
      escaped = true;
    }
    this.at++;
    // With the u flag a proper pair is one character, so that only halves match. A decoder lets none through: look only after escapes.
    if (escaped && /[\ud800-\udfff]/u.test(value)) {
      this.at = start;
      this.fault('whole characters', 'half of a surrogate pair');
    }
    return value;
  }

  /** Up to the next quote, backslash or control character. */
  private plainText(): string {
    const start = this.at;
    for (let c = this.text.charCodeAt(start); c !== 34 && c !== 92 && c >= 32; ) c = this.text.charCodeAt(++this.at);
    return this.text.slice(start, this.at);
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    const simple = escapes.get(letter);
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (letter !== 'u' || !/^[\da-fA-F]{4}$/.test(hex)) this.fault('an escape of JSON');
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private number(): number | bigint {
    const start = this.at;
    number.lastIndex = start;
    const token = number.exec(this.text)?.[0];
    if (token === undefined) return this.fault('a value');
    const value = Number(token);
    // A huge literal would take long to turn into a bigint, and no file of ours needs one.
    if (token.length > 400 || !Number.isFinite(value)) this.fault('a number that a double can hold', quoted(token));
    this.at += token.length;
    return !Number.isSafeInteger(value) && /^-?\d+$/.test(token) ? BigInt(token) : value;
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
      this.at++;
    }
  }

  private fault(expected: string, found?: string): never {
    const end = this.text.trimEnd().length;
    const ended = this.at >= end;
    word.lastIndex = this.at;
    const shown = found ?? (ended ? 'the end' : word.exec(this.text)?.[0]);
    const token = /^\w+$/.test(shown ?? '') || found !== undefined || ended ? shown : quoted(shown ?? '');
    throw new InputError(
      `${this.where}: not JSON at byte ${this.byteOf(Math.min(this.at, end))}: found ${cut(token ?? '')}, expected ${expected}. ` +
        'The file is cut or damaged: copy or write it again.',
    );
  }

  private byteOf(index: number): number {
    return new TextEncoder().encode(this.text.slice(0, index)).length;
  }
}

/** A raw control character: `U+000A (a line break)`. */
function controlName(character: string): string {
  const names = new Map([
    ['\n', ' (a line break)'],
    ['\r', ' (a carriage return)'],
    ['\t', ' (a tab)'],
  ]);
  const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${code}${names.get(character) ?? ''}`;
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** A foreign name for a message: in quotes, at most 80 characters, control and direction characters as escapes. */
export function quoted(text: string): string {
  return JSON.stringify(cut(text)).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Items for a message: the first ten. */
export function firstTen(items: readonly string[]): string {
  return `${items.slice(0, 10).join(', ')}${items.length > 10 ? ', …' : ''}`;
}

/** A value in words for a message: `text "12"`, `number 5`, `a list`, `nothing`. */
export function described(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `text ${quoted(value)}`;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return cut(String(value));
  return Array.isArray(value) ? 'a list' : 'an object';
}
