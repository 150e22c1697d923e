// Examples with what a model answered, as JSON: the rows as they were read, and `model_response` behind their own keys.
import type { JsonValue } from '../../checkpoint/json.ts';
import type { Example } from './examples.ts';

/** The key of an answer, as in Raschka 2024, chapter 7. */
const RESPONSE = 'model_response';

/** A JSON list as Python's json.dump(rows, file, indent=4) writes it. @param answers one for each example */
export function answersJson(examples: readonly Example[], answers: readonly string[]): string {
  const rows = examples.map(({ fields }, i) => new Map(fields).set(RESPONSE, answers[i]!));
  return indented(rows, '');
}

function indented(value: JsonValue, indent: string): string {
  if (typeof value === 'string') return ascii(JSON.stringify(value));
  if (value === null || typeof value !== 'object') return String(value);
  const inner = `${indent}    `;
  const parts = Array.isArray(value)
    ? value.map((each) => indented(each, inner))
    : [...value].map(([key, each]) => `${ascii(JSON.stringify(key))}: ${indented(each, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
}

/** All but printable ASCII as escapes. */
function ascii(text: string): string {
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
