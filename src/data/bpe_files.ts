// A byte-level BPE read from tokenizer.json: one that was trained here, or of exactly that kind. Merging by the bytes of the joined
// token is only right for such ones; the library merges all others.
import type { JsonObject, JsonValue } from '../checkpoint/json.ts';
import { BpeTokenizer, GPT2_BYTES, type MergePair } from './bpe.ts';
import { fromVisible, visible } from './byte_level.ts';
import { bytePairEncode } from './merge.ts';
import { END_OF_TEXT } from './tokenizer_save.ts';

/**
 * Whether all around the merges is as in GPT-2: its bytes and pattern, nothing that changes the text or adds to its ids.
 * Where nothing is merged, no pattern is needed.
 */
export function isAroundGpt2(json: JsonObject, merges: number): boolean {
  const field = (key: string) => json.get(key) ?? null;
  const [pre, post, decoder] = ['pre_tokenizer', 'post_processor', 'decoder'].map(field);
  const model = json.get('model') as JsonObject;
  const isPlain = (value: JsonValue | undefined, ...allowed: JsonValue[]) =>
    value === undefined || value === null || allowed.includes(value);
  return (
    field('normalizer') === null &&
    isByteLevel(pre!) &&
    isPlain(pre.get('add_prefix_space'), false) &&
    isPlain(pre.get('use_regex'), true, ...(merges === 0 ? [false] : [])) &&
    (post === null || isByteLevel(post!)) &&
    (decoder === null || isByteLevel(decoder!)) &&
    isPlain(model.get('dropout'), 0) &&
    isPlain(model.get('byte_fallback'), false) &&
    isPlain(model.get('ignore_merges'), false) &&
    isPlain(model.get('continuing_subword_prefix'), '') &&
    isPlain(model.get('end_of_word_suffix'), '')
  );
}

const isByteLevel = (value: JsonValue): value is JsonObject =>
  value instanceof Map && value.get('type') === 'ByteLevel';

/**
 * The tokenizer of a BPE that is around its merges as GPT-2 is.
 * @param json all of the file   @param vocab tokens by id, added ones among them
 * @param merges both parts and what they make in `vocab`
 * @param config tokenizer_config.json, which may name the token that ends a document
 * @returns null where bytes are missing, tokens are no bytes, added tokens are not special, or merges cannot have been learned
 */
export function bpeFrom(
  json: JsonObject,
  vocab: readonly string[],
  merges: readonly MergePair[],
  config: JsonObject | null,
): BpeTokenizer | null {
  const special = specialIds(json.get('added_tokens') ?? []);
  if (special === null) return null;
  const whole = new Set(special);
  const tokens = vocab.map((token, id) => (whole.has(id) ? token : fromVisible(token)));
  if (!tokens.every((token) => token !== null)) return null;
  const known = new Map(tokens.map((token, id) => [token, id]));
  for (const id of special) known.delete(tokens[id]!);
  if (!GPT2_BYTES.every((byte) => known.has(byte))) return null;
  const pairs = merges.map(([left, right]): MergePair => [fromVisible(left) ?? '', fromVisible(right) ?? '']);
  if (!isLearnable(pairs, known)) return null;
  return new BpeTokenizer({ tokens, merges: pairs, special, eosId: endOfText(vocab, special, config) });
}

/** Whether ids are the 256 bytes in GPT-2's order, then a token a merge, then others. */
export function laidOutAsGpt2(vocab: readonly string[], merges: readonly MergePair[]): boolean {
  return (
    GPT2_BYTES.every((byte, id) => vocab[id] === visible(byte)) &&
    merges.every(([left, right], i) => vocab[256 + i] === left + right)
  );
}

/** Ids of the added tokens, which `vocabularyOf` has looked at; null where one is not a plain special one. */
function specialIds(added: JsonValue): number[] | null {
  const tokens = added as JsonObject[];
  // `normalized` changes nothing: no text is normalized.
  const isWide = (token: JsonObject) =>
    ['single_word', 'lstrip', 'rstrip'].some((key) => (token.get(key) ?? false) !== false);
  if (tokens.some((token) => token.get('special') !== true || isWide(token))) return null;
  return [...new Set(tokens.map((token) => token.get('id') as number))].sort((a, b) => a - b);
}

/**
 * Merging by the bytes of the joined token (bytePairEncode) equals merging by the pair where each token, encoded alone, ends in
 * its own pair. So it is for all merges that were learned from a text; a file may hold others.
 */
function isLearnable(pairs: readonly MergePair[], known: ReadonlyMap<string, number>): boolean {
  const ranks = new Map(GPT2_BYTES.map((byte, rank) => [byte, rank]));
  for (const [i, [left, right]] of pairs.entries()) {
    const isNew = left !== '' && right !== '' && known.has(left + right) && !ranks.has(left + right);
    if (!isNew) return false;
    ranks.set(left + right, 256 + i);
  }
  return pairs.every(([left, right], i) => {
    const parts = bytePairEncode(left + right, ranks, 256 + i);
    return parts.length === 2 && parts[0] === ranks.get(left) && parts[1] === ranks.get(right);
  });
}

/** What the configuration calls the end, else `<|endoftext|>`, if it is a special token. */
function endOfText(vocab: readonly string[], special: readonly number[], config: JsonObject | null): number | null {
  const named = config?.get('eos_token');
  const wanted = named instanceof Map ? named.get('content') : (named ?? END_OF_TEXT);
  return special.find((id) => vocab[id] === wanted) ?? null;
}
