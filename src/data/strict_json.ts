// JSON from strangers. JSON.parse keeps the last of two equal keys and rounds whole numbers above 2^53 without a word, and
// recursion over what it returns can overflow: one walk over the text finds all three before anything is believed.
import { InputError } from '../errors.ts';

const MAX_DEPTH = 64;
const MAX_CHARACTERS = 64 * 2 ** 20;

/**
 * Parses the text of a JSON file.
 * @param file its name, for messages
 * @throws InputError if it is empty, over 64 Mi characters, a web page, not JSON, nested over 64 levels, or has a repeated key
 *   or a whole number that a double cannot hold
 */
export function parseStrictJson(file: string, text: string): unknown {
  if (text.length > MAX_CHARACTERS) {
    throw new InputError(`${file}: found ${text.length} characters, expected at most ${MAX_CHARACTERS} (64 Mi).`);
  }
  const start = text.trimStart();
  if (start === '') throw new InputError(`${file}: found an empty file, expected JSON. Copy or download it again.`);
  if (start.startsWith('<')) {
    throw new InputError(
      `${file}: found a web page, expected JSON. The download was redirected: fetch the file itself.`,
    );
  }
  const problem = findProblem(text);
  if (problem?.fatal) throw new InputError(`${file}: ${problem.what}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      `${file}: found text that is not JSON: ${(error as Error).message}. Is the file cut or edited?`,
    );
  }
  if (problem) throw new InputError(`${file}: ${problem.what}`);
  return value;
}

/** The first problem of the text, which need not be valid JSON. Depth is fatal: it is told before parsing. */
function findProblem(text: string): { what: string; fatal: boolean } | null {
  let first: { what: string; fatal: boolean } | null = null;
  const keys: (Set<string> | null)[] = []; // one a level: the keys of an object, null for a list
  let key = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '{' || c === '[') {
      keys.push(c === '{' ? new Set() : null);
      if (keys.length > MAX_DEPTH)
        return { what: `found nesting over ${MAX_DEPTH} levels, expected less.`, fatal: true };
    } else if (c === '}' || c === ']') {
      keys.pop();
    } else if (c === '"') {
      const begin = i;
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
      const seen = keys.at(-1);
      if (seen && isKey(text, i + 1)) {
        key = text.slice(begin, i + 1);
        const name = key.includes('\\') ? plainKey(key) : key;
        if (seen.has(name)) first ??= { what: `found ${name} twice in one object, expected it once.`, fatal: false };
        seen.add(name);
      }
    } else if (c === '-' || (c >= '0' && c <= '9')) {
      const begin = i;
      while (i + 1 < text.length && '0123456789.eE+-'.includes(text[i + 1]!)) i++;
      const number = text.slice(begin, i + 1);
      if (/^-?\d{16,}$/.test(number) && !Number.isSafeInteger(Number(number))) {
        first ??= { what: `${key}: found ${number}, which is not an exact whole number (limit 2^53).`, fatal: false };
      }
    }
  }
  return first;
}

/** Whether the next thing after a string is a colon. */
function isKey(text: string, from: number): boolean {
  let i = from;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return text[i] === ':';
}

function plainKey(quoted: string): string {
  try {
    return JSON.stringify(JSON.parse(quoted));
  } catch {
    return quoted; // JSON.parse of the whole text will say what is wrong
  }
}

export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a value is, for "found X" in messages: null, a list, an object, text, or the value itself. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
