// Reading the vocabulary and the merges of a Hugging Face tokenizer, believing nothing: ids must be 0..V-1 once each, merges
// must be pairs of tokens that exist.
import { described, type JsonObject, type JsonValue, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import type { MergePair } from './bpe.ts';

/**
 * Tokens by id.
 * @param where file and field, for messages
 * @param vocab object token -> id   @param added list of {id, content}, which may repeat entries of `vocab`
 */
export function vocabularyOf(where: string, vocab: JsonValue | undefined, added: JsonValue): string[] {
  if (!(vocab instanceof Map))
    throw new InputError(`${where}: found ${described(vocab)}, expected an object of tokens and ids.`);
  if (!Array.isArray(added))
    throw new InputError(`${where}: added_tokens: found ${described(added)}, expected a list.`);
  const tokenOf = new Map<number, string>();
  const add = (token: string, id: JsonValue | undefined) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
      throw new InputError(`${where}: ${quoted(token)}: found id ${described(id)}, expected a whole number from 0.`);
    }
    const other = tokenOf.get(id);
    if (other !== undefined && other !== token) {
      throw new InputError(`${where}: id ${id} is ${quoted(other)} and ${quoted(token)}, expected one token an id.`);
    }
    tokenOf.set(id, token);
  };
  for (const [token, id] of vocab) {
    if (token === '') throw new InputError(`${where}: found an empty token, expected at least one character.`);
    add(token, id);
  }
  added.forEach((entry, i) => {
    const fields: JsonObject = entry instanceof Map ? entry : new Map();
    const content = fields.get('content');
    if (typeof content !== 'string' || content === '') {
      const found = content === '' ? 'an empty token' : described(entry);
      throw new InputError(`${where}: added token ${i + 1}: found ${found}, expected an object with content and id.`);
    }
    const id = fields.get('id');
    const other = vocab.get(content) ?? id;
    if (id !== other) {
      throw new InputError(
        `${where}: added token ${quoted(content)}: found ids ${described(other)} and ${described(id)}, expected one.`,
      );
    }
    add(content, id);
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

/**
 * Merges as pairs, from a list of texts "left right" or of pairs.
 * @throws InputError for one of other than two parts, of tokens that do not exist, or that was there before
 */
export function mergesOf(where: string, merges: JsonValue | undefined, tokens: readonly string[]): MergePair[] {
  if (!Array.isArray(merges)) throw new InputError(`${where}: found ${described(merges)}, expected a list.`);
  const known = new Set(tokens);
  const seen = new Set<string>();
  return merges.map((merge, i) => {
    const parts: JsonValue[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [merge];
    const at = `${where}: merge ${i + 1}`;
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string') {
      throw new InputError(`${at}: found ${described(merge)} (${parts.length} parts), expected two tokens.`);
    }
    const unknown = [left, right, left + right].find((token) => !known.has(token));
    if (unknown !== undefined) throw new InputError(`${at}: found ${quoted(unknown)}, which is not in the vocabulary.`);
    // No character of a length: "1:a bc" is none other's.
    const pair = `${left.length}:${left} ${right}`;
    if (seen.has(pair))
      throw new InputError(`${at}: found ${quoted(`${left} ${right}`)} again, expected each pair once.`);
    seen.add(pair);
    return [left, right];
  });
}

/** The merges of a merges.txt: one a line after a version line. */
export function mergesOfText(where: string, text: string, tokens: readonly string[]): MergePair[] {
  const lines = text.split(/\r?\n/).filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
  return mergesOf(where, lines, tokens);
}
