// What a tokenizer.json does before and after its merges, recognised as data: each step is looked up in a short list and anything else
// is refused by name. Nothing of these steps is run as the file has it.
import { described, type JsonObject, type JsonValue, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { digits, GPT2_SPLIT, knownSplit } from './hub_tokenizer_patterns.ts';

/** SentencePiece's visible space. */
export const SPACE = '▁';

/** Bytes in visible characters, cut by patterns first (GPT-2, Llama 3); or characters with a visible space (Llama 2, TinyLlama). */
export type Steps =
  | { readonly form: 'bytes'; readonly nfc: boolean; readonly splits: readonly string[] }
  | {
      readonly form: 'characters';
      /** Where a space is put before a text: before every part between added tokens, only at the very start, or nowhere. */
      readonly prefix: 'always' | 'first' | 'never';
      /** Not before a text that begins with one. */
      readonly prefixOnce: boolean;
      /** Whether decoding drops that space again. */
      readonly strip: boolean;
    };

/** @throws InputError for a step that is not known, or steps that do not go together */
export function stepsOf(file: string, json: JsonObject): Steps {
  const normalizer = normalizerOf(file, json.get('normalizer') ?? null);
  const pre = json.get('pre_tokenizer') ?? null;
  const words = pre === null ? null : metaspaceOf(file, pre);
  const decoder = json.get('decoder') ?? null;
  if (normalizer.spaces || words) {
    const { prepend, nfc } = normalizer;
    if (nfc) throw unknown(file, 'normalizer', json.get('normalizer')!, 'NFC alone');
    if (words && (normalizer.spaces || prepend))
      throw unknown(file, 'pre_tokenizer', pre, 'none beside a normalizer that marks spaces');
    if (pre !== null && !words) throw unknown(file, 'pre_tokenizer', pre, 'none beside a normalizer that marks spaces');
    const strip = stripOf(file, decoder);
    if (words) return { form: 'characters', prefix: words, prefixOnce: true, strip };
    return { form: 'characters', prefix: prepend ? 'always' : 'never', prefixOnce: false, strip };
  }
  if (typeOf(decoder) !== 'ByteLevel') throw unknown(file, 'decoder', decoder, 'ByteLevel');
  return { form: 'bytes', nfc: normalizer.nfc, splits: splitsOf(file, pre) };
}

/** Ids that stand before every text, by the post_processor. @throws InputError for one that is not known */
export function templateIds(file: string, json: JsonObject, tokens: readonly string[]): number[] {
  const post = json.get('post_processor') ?? null;
  const steps = typeOf(post) === 'Sequence' ? listOf(post, 'processors') : post === null ? [] : [post];
  const ids: number[] = [];
  for (const step of steps) {
    const type = typeOf(step);
    if (type === 'ByteLevel') continue;
    if (type !== 'TemplateProcessing') throw unknown(file, 'post_processor', step, 'ByteLevel or TemplateProcessing');
    const single = listOf(step, 'single');
    const at = single.findIndex((part) => part instanceof Map && part.has('Sequence'));
    if (at < 0) throw unknown(file, 'post_processor', step, 'a template that holds the text');
    // What follows the text would end it: nothing here goes on from a text that has ended.
    for (const part of single.slice(0, at)) ids.push(...specialIds(file, step as JsonObject, part, tokens));
  }
  return ids;
}

function specialIds(file: string, template: JsonObject, part: JsonValue, tokens: readonly string[]): number[] {
  const named = at(at(part, 'SpecialToken'), 'id');
  const known = typeof named === 'string' ? at(at(template, 'special_tokens'), named) : undefined;
  const ids = at(known, 'ids');
  if (!Array.isArray(ids)) throw unknown(file, 'post_processor', part, 'a special token with its ids');
  return ids.map((id) => {
    if (typeof id === 'number' && tokens[id] !== undefined) return id;
    throw new InputError(
      `${file}: post_processor: ${quoted(String(named))}: found id ${described(id)}, expected one from 0 to ${tokens.length - 1}. ` +
        'Fetch the file again.',
    );
  });
}

function normalizerOf(file: string, value: JsonValue): { nfc: boolean; spaces: boolean; prepend: boolean } {
  const found = { nfc: false, spaces: false, prepend: false };
  const steps = typeOf(value) === 'Sequence' ? listOf(value, 'normalizers') : value === null ? [] : [value];
  for (const step of steps) {
    if (typeOf(step) === 'NFC') found.nfc = true;
    else if (typeOf(step) === 'Prepend' && at(step, 'prepend') === SPACE && !found.spaces) found.prepend = true;
    else if (replaces(step, ' ', SPACE)) found.spaces = true;
    else throw unknown(file, 'normalizer', step, `none, NFC, or spaces written as ${SPACE}`);
  }
  if (found.prepend && !found.spaces) throw unknown(file, 'normalizer', value, `spaces written as ${SPACE} too`);
  return found;
}

/** How a Metaspace pre-tokenizer puts a space before texts; null for another kind. */
function metaspaceOf(file: string, pre: JsonValue): 'always' | 'first' | 'never' | null {
  if (typeOf(pre) !== 'Metaspace') return null;
  const scheme = at(pre, 'prepend_scheme');
  const plain = at(pre, 'replacement') === SPACE && at(pre, 'split') === false;
  if (plain && (scheme === 'always' || scheme === 'first' || scheme === 'never')) return scheme;
  throw unknown(file, 'pre_tokenizer', pre, `Metaspace of ${SPACE} with "split": false and a prepend_scheme`);
}

function splitsOf(file: string, pre: JsonValue): string[] {
  const steps = typeOf(pre) === 'Sequence' ? listOf(pre, 'pretokenizers') : [pre];
  const refuse = (step: JsonValue, expected: string) => unknown(file, 'pre_tokenizer', step, expected);
  const splits = steps.flatMap((step, i): string[] => {
    if (typeOf(step) === 'ByteLevel') {
      if (i < steps.length - 1) throw refuse(step, 'ByteLevel last');
      if (at(step, 'add_prefix_space') === true) throw refuse(step, 'ByteLevel without prefix space');
      return at(step, 'use_regex') === false ? [] : [knownSplit(GPT2_SPLIT)!];
    }
    if (typeOf(step) === 'Digits') return [digits(at(step, 'individual_digits') === true)];
    const known = typeOf(step) === 'Split' ? splitOf(step) : null;
    if (known === null)
      throw refuse(step, "ByteLevel, Digits, or Split by the pattern of GPT-2, Llama 3, Qwen or OpenAI's");
    return [known];
  });
  if (typeOf(steps.at(-1) ?? null) !== 'ByteLevel') throw refuse(pre, 'ByteLevel last');
  if (splits.length === 0) throw refuse(pre, 'a pattern that cuts texts into words');
  return splits;
}

/** The pattern of a Split that keeps its matches, each for itself; null for another. */
function splitOf(step: JsonValue): string | null {
  const pattern = at(at(step, 'pattern'), 'Regex');
  const behavior = at(step, 'behavior');
  const invert = at(step, 'invert') ?? false;
  // The patterns match all of a text, so that removing what they do not match removes nothing.
  const keeps = (behavior === 'Isolated' && invert === false) || (behavior === 'Removed' && invert === true);
  return keeps && typeof pattern === 'string' ? knownSplit(pattern) : null;
}

/** Whether the decoder of characters drops the first space. */
function stripOf(file: string, decoder: JsonValue): boolean {
  const steps = typeOf(decoder) === 'Sequence' ? listOf(decoder, 'decoders') : [];
  const [space, bytes, fuse, strip = null] = steps;
  const plain = space !== undefined && replaces(space, SPACE, ' ') && typeOf(bytes) === 'ByteFallback';
  const strips =
    typeOf(strip) === 'Strip' && at(strip, 'content') === ' ' && at(strip, 'start') === 1 && at(strip, 'stop') === 0;
  if (plain && typeOf(fuse) === 'Fuse' && steps.length <= 4 && (strip === null || strips)) return strips;
  throw unknown(file, 'decoder', decoder, 'Replace, ByteFallback, Fuse, and Strip of one space');
}

const typeOf = (value: JsonValue | undefined) => at(value, 'type');

function at(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return value instanceof Map ? value.get(key) : undefined;
}

function listOf(value: JsonValue, key: string): JsonValue[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}

function replaces(step: JsonValue, from: string, to: string): boolean {
  return typeOf(step) === 'Replace' && at(at(step, 'pattern'), 'String') === from && at(step, 'content') === to;
}

function unknown(file: string, where: string, found: JsonValue, expected: string): InputError {
  return new InputError(
    `${file}: ${where}: found ${shorten(found)}, expected ${expected}. Patterns and rules from files are never run: ` +
      'take a folder whose tokenizer is of a kind known here (GPT-2, Llama, SmolLM, Qwen).',
  );
}

/** As it stands in the file, so that it can be found there. */
function shorten(value: JsonValue): string {
  const plain = (_: string, part: JsonValue) =>
    part instanceof Map ? Object.fromEntries(part) : typeof part === 'bigint' ? String(part) : part;
  const text = JSON.stringify(value, plain);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
