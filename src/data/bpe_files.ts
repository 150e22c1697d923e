// A byte-level BPE read from tokenizer.json, believing nothing: what would give other ids here than in Hugging Face's library is
// refused with a sentence.
import { described, type JsonObject, type JsonValue, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { BpeTokenizer, GPT2_BYTES, type MergePair } from './bpe.ts';
import { fromVisible, visible } from './byte_level.ts';
import { bytePairEncode } from './merge.ts';
import { END_OF_TEXT } from './tokenizer_save.ts';

/**
 * The tokenizer of a BPE whose pre_tokenizer is GPT-2's ByteLevel.
 * @param file its name, for messages   @param json all of it
 * @param vocab tokens by id, added ones among them   @param merges "left right", both in `vocab`
 * @param config tokenizer_config.json, which may name the token that ends a document
 * @throws InputError for settings that change ids, a missing byte, tokens that are no bytes, and merges that cannot be learned
 */
export function bpeFrom(
  file: string,
  json: JsonObject,
  vocab: readonly string[],
  merges: readonly string[],
  config: JsonObject | null,
): BpeTokenizer {
  refuseSettings(file, json);
  const special = specialIds(file, json.get('added_tokens') ?? []);
  const whole = new Set(special);
  const tokens = vocab.map((token, id) => {
    const bytes = whole.has(id) ? token : fromVisible(token);
    if (bytes === null)
      throw new InputError(
        `${file}: model.vocab: id ${id}: found ${quoted(token)}, expected a token of bytes as GPT-2 writes them. Fetch the file again.`,
      );
    return bytes;
  });
  const known = new Map(tokens.map((token, id) => [token, id]));
  for (const id of special) known.delete(tokens[id]!);
  const missing = GPT2_BYTES.find((byte) => !known.has(byte));
  if (missing !== undefined)
    throw new InputError(
      `${file}: model.vocab: found no ${quoted(visible(missing))}, expected all 256 bytes. Some text could not be encoded.`,
    );
  const pairs = merges.map((merge): MergePair => {
    const [left, right] = merge.split(' ').map((token) => fromVisible(token) ?? '');
    return [left!, right!];
  });
  refuseUnlearnable(file, merges, pairs, known);
  return new BpeTokenizer({ tokens, merges: pairs, special, eosId: endOfText(vocab, special, config) });
}

/** Whether ids are the 256 bytes in GPT-2's order, then a token a merge, then others. */
export function laidOutAsGpt2(vocab: readonly string[], merges: readonly string[]): boolean {
  return (
    GPT2_BYTES.every((byte, id) => vocab[id] === visible(byte)) &&
    merges.every((merge, i) => vocab[256 + i] === merge.replace(' ', ''))
  );
}

/** Settings that give other ids than bytes, pattern and merges do. Absent and null are the plain ones. */
function refuseSettings(file: string, json: JsonObject): void {
  const model = json.get('model') as JsonObject;
  const pre = json.get('pre_tokenizer') as JsonObject;
  const post = json.get('post_processor') ?? null;
  const plain = (where: string, value: JsonValue | undefined, allowed: readonly JsonValue[]) => {
    if (value === undefined || value === null || allowed.includes(value)) return;
    throw new InputError(
      `${file}: ${where}: found ${described(value)}, expected ${described(allowed[0])}. Take a tokenizer of GPT-2's kind.`,
    );
  };
  plain('pre_tokenizer.use_regex', pre.get('use_regex'), [true]);
  plain('model.dropout', model.get('dropout'), [0]);
  plain('model.byte_fallback', model.get('byte_fallback'), [false]);
  plain('model.ignore_merges', model.get('ignore_merges'), [false]);
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix']) plain(`model.${key}`, model.get(key), ['']);
  if (post !== null && !(post instanceof Map && post.get('type') === 'ByteLevel')) {
    const type = post instanceof Map ? post.get('type') : post;
    throw new InputError(
      `${file}: post_processor: found ${described(type)}, expected none or ByteLevel, which add no tokens. Take a tokenizer of GPT-2's kind.`,
    );
  }
}

/** Ids of the added tokens, which `vocabularyOf` has looked at. */
function specialIds(file: string, added: JsonValue): number[] {
  const ids = (added as JsonObject[]).map((token) => {
    const content = quoted(String(token.get('content')));
    if (token.get('special') !== true)
      throw new InputError(`${file}: added token ${content}: found a plain one, expected "special": true.`);
    // `normalized` changes nothing: no text is normalized.
    const wide = ['single_word', 'lstrip', 'rstrip'].find((key) => (token.get(key) ?? false) !== false);
    if (wide !== undefined)
      throw new InputError(
        `${file}: added token ${content}: ${wide}: found ${described(token.get(wide))}, expected false.`,
      );
    return token.get('id') as number;
  });
  return [...new Set(ids)].sort((a, b) => a - b);
}

/**
 * Merging by the bytes of the joined token (bytePairEncode) equals merging by the pair where each token, encoded alone, ends in
 * its own pair. So it is for all merges that were learned from a text; a file may hold others.
 */
function refuseUnlearnable(
  file: string,
  merges: readonly string[],
  pairs: readonly MergePair[],
  known: ReadonlyMap<string, number>,
): void {
  const ranks = new Map(GPT2_BYTES.map((byte, rank) => [byte, rank]));
  pairs.forEach(([left, right], i) => {
    const wrong = (found: string, expected: string) =>
      new InputError(
        `${file}: model.merges: merge ${i + 1} (${quoted(merges[i]!)}): found ${found}, expected ${expected}.`,
      );
    if (left === '' || right === '' || !known.has(left + right)) throw wrong('a special token', 'two tokens of bytes');
    if (ranks.has(left + right)) throw wrong('a token that an earlier one makes', 'a new one');
    ranks.set(left + right, 256 + i);
  });
  pairs.forEach(([left, right], i) => {
    const parts = bytePairEncode(left + right, ranks, 256 + i);
    if (parts.length === 2 && parts[0] === ranks.get(left) && parts[1] === ranks.get(right)) return;
    throw new InputError(
      `${file}: model.merges: merge ${i + 1} (${quoted(merges[i]!)}): found a pair that the merges before it never leave side by ` +
        'side, expected merges in the order in which they were learned.',
    );
  });
}

/** What the configuration calls the end, else `<|endoftext|>`, if it is a special token. */
function endOfText(vocab: readonly string[], special: readonly number[], config: JsonObject | null): number | null {
  const named = config?.get('eos_token');
  const wanted = named instanceof Map ? named.get('content') : (named ?? END_OF_TEXT);
  return special.find((id) => vocab[id] === wanted) ?? null;
}
