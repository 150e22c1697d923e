// Reading the vocabulary and the merges of a Hugging Face tokenizer, believing nothing: ids must be 0..V-1 once each, merges
// must be pairs of tokens that exist.
import { InputError } from '../errors.ts';
import { describe, isObject } from './strict_json.ts';

/**
 * Tokens by id.
 * @param where file and field, for messages
 * @param vocab object token -> id   @param added list of {id, content}, which may repeat entries of `vocab`
 */
export function vocabularyOf(where: string, vocab: unknown, added: unknown): string[] {
  if (!isObject(vocab))
    throw new InputError(`${where}: found ${describe(vocab)}, expected an object of tokens and ids.`);
  if (!Array.isArray(added)) throw new InputError(`${where}: added_tokens: found ${describe(added)}, expected a list.`);
  const tokenOf = new Map<number, string>();
  const add = (token: string, id: unknown) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
      throw new InputError(`${where}: ${describe(token)}: found id ${describe(id)}, expected a whole number from 0.`);
    }
    const other = tokenOf.get(id);
    if (other !== undefined && other !== token) {
      throw new InputError(
        `${where}: id ${id} is ${describe(other)} and ${describe(token)}, expected one token an id.`,
      );
    }
    tokenOf.set(id, token);
  };
  for (const [token, id] of Object.entries(vocab)) {
    if (token === '') throw new InputError(`${where}: found an empty token, expected at least one character.`);
    add(token, id);
  }
  added.forEach((entry: unknown, i) => {
    if (!isObject(entry) || typeof entry.content !== 'string' || entry.content === '') {
      const found = isObject(entry) && entry.content === '' ? 'an empty token' : describe(entry);
      throw new InputError(`${where}: added token ${i + 1}: found ${found}, expected an object with content and id.`);
    }
    const id = Object.hasOwn(vocab, entry.content) ? vocab[entry.content] : entry.id;
    if (id !== entry.id) {
      throw new InputError(
        `${where}: added token ${describe(entry.content)}: found ids ${id} and ${describe(entry.id)}.`,
      );
    }
    add(entry.content, id);
  });
  if (tokenOf.size === 0) throw new InputError(`${where}: found no tokens, expected at least one.`);
  const tokens: string[] = [];
  for (let id = 0; id < tokenOf.size; id++) {
    const token = tokenOf.get(id);
    if (token === undefined) {
      throw new InputError(
        `${where}: id ${id} is missing, expected ids 0 to ${tokenOf.size - 1} once each for ${tokenOf.size} tokens.`,
      );
    }
    tokens.push(token);
  }
  return tokens;
}

/** Merges as "left right", from a list of such texts or of pairs. */
export function mergesOf(where: string, merges: unknown, tokens: readonly string[]): string[] {
  if (!Array.isArray(merges)) throw new InputError(`${where}: found ${describe(merges)}, expected a list.`);
  const known = new Set(tokens);
  const seen = new Set<string>();
  return merges.map((merge: unknown, i) => {
    const parts: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [merge];
    const at = `${where}: merge ${i + 1}`;
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string') {
      throw new InputError(`${at}: found ${describe(merge)} (${parts.length} parts), expected two tokens.`);
    }
    const unknown = [left, right, left + right].find((token) => !known.has(token));
    if (unknown !== undefined)
      throw new InputError(`${at}: found ${describe(unknown)}, which is not in the vocabulary.`);
    const pair = `${left} ${right}`;
    if (seen.has(pair)) throw new InputError(`${at}: found ${describe(pair)} again, expected each pair once.`);
    seen.add(pair);
    return pair;
  });
}

/** The merges of a merges.txt: one a line after a version line. */
export function mergesOfText(where: string, text: string, tokens: readonly string[]): string[] {
  const lines = text.split(/\r?\n/).filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
  return mergesOf(where, lines, tokens);
}

/**
 * Normalizers and pre-tokenizers are small programs, some with regular expressions that hang their reader. The only ones
 * accepted are none at all and GPT-2's ByteLevel, recognised as data.
 */
export function refuseProgram(file: string, json: { readonly [key: string]: unknown }): void {
  const advice =
    'Patterns and rules from files are never run. Use a folder whose tokenizer is known here (char, byte, gpt2).';
  if (json.normalizer != null) {
    throw new InputError(`${file}: normalizer: found ${shorten(json.normalizer)}, expected none. ${advice}`);
  }
  const pre = json.pre_tokenizer;
  if (pre == null || (isObject(pre) && pre.type === 'ByteLevel' && pre.add_prefix_space !== true)) return;
  throw new InputError(
    `${file}: pre_tokenizer: found ${shorten(pre)}, expected none or GPT-2's ByteLevel without prefix space. ${advice}`,
  );
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
