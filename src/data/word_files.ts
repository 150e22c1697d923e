// A tokenizer of words as Hugging Face's libraries read and write it: a WordLevel model behind the pre-tokenizer Whitespace.
import { described, type JsonObject, type JsonValue, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { tokenNamed } from './hub_tokenizer_file.ts';
import { END_OF_TEXT, KIND_FIELD } from './tokenizer_save.ts';
import type { WordParts } from './word.ts';

/** `tokenizer.json` and `tokenizer_config.json`. */
export function wordFiles({ tokens, special, unknownId, padId, eosId, lowercase }: WordParts): Map<string, string> {
  const whole = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const named = (id: number | null) => (id === null ? undefined : tokens[id]);
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((id) => ({ id, content: tokens[id], ...whole })),
    normalizer: lowercase ? { type: 'Lowercase' } : null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      unk_token: tokens[unknownId],
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    unk_token: tokens[unknownId],
    pad_token: named(padId),
    bos_token: named(eosId),
    eos_token: named(eosId),
    clean_up_tokenization_spaces: false,
    [KIND_FIELD]: 'word',
  };
  return new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizer)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
  ]);
}

/**
 * The parts of a tokenizer of words.
 * @param file its name, for messages   @param json all of it
 * @param tokens by id, added ones among them, as `vocabularyOf` checked them   @param config tokenizer_config.json
 * @throws InputError for steps that are not known here, and without a token for unknown words
 */
export function wordParts(
  file: string,
  json: JsonObject,
  tokens: readonly string[],
  config: JsonObject | null,
): WordParts {
  const refuse = (where: string, found: JsonValue | undefined, expected: string) =>
    new InputError(
      `${file}: ${where}: found ${found instanceof Map && found.has('type') ? described(found.get('type')) : described(found)}, ` +
        `expected ${expected}. Take a tokenizer of words as \`tokenizer train --kind word\` writes it.`,
    );
  const typeOf = (key: string) => {
    const step = json.get(key) ?? null;
    return step instanceof Map ? step.get('type') : step;
  };
  const normalizer = typeOf('normalizer');
  if (normalizer !== null && normalizer !== 'Lowercase')
    throw refuse('normalizer', json.get('normalizer'), 'none, or Lowercase');
  if (typeOf('pre_tokenizer') !== 'Whitespace') throw refuse('pre_tokenizer', json.get('pre_tokenizer'), 'Whitespace');
  for (const key of ['post_processor', 'decoder'] as const)
    if (typeOf(key) !== null) throw refuse(key, json.get(key), 'none');
  const added = (json.get('added_tokens') ?? []) as JsonObject[];
  for (const token of added) {
    const where = `added token ${quoted(token.get('content') as string)}`;
    const wide = ['single_word', 'lstrip', 'rstrip', 'normalized'].find((key) => (token.get(key) ?? false) !== false);
    if (wide !== undefined) throw refuse(`${where}: ${wide}`, token.get(wide), 'false');
    if (token.get('special') !== true) throw refuse(`${where}: special`, token.get('special'), 'true');
  }
  const unknown = (json.get('model') as JsonObject).get('unk_token');
  const unknownId = typeof unknown === 'string' ? tokens.indexOf(unknown) : -1;
  if (unknownId < 0) throw refuse('model.unk_token', unknown, `one of the ${tokens.length} tokens`);
  const special = [...new Set([...added.map((token) => token.get('id') as number), unknownId])].sort((a, b) => a - b);
  const id = (name: string | undefined) => special.find((each) => tokens[each] === name) ?? null;
  return {
    tokens,
    special,
    unknownId,
    padId: id(config ? tokenNamed(config, 'pad_token') : undefined),
    eosId: id((config && tokenNamed(config, 'eos_token')) ?? END_OF_TEXT),
    lowercase: normalizer === 'Lowercase',
  };
}
