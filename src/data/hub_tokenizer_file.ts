// A BPE of another project read from tokenizer.json, believing nothing: what would give other ids here than in Hugging Face's library
// is refused with a sentence.
import { described, type JsonObject, type JsonValue, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { type Steps, stepsOf, templateIds } from './hub_tokenizer_steps.ts';
import { END_OF_TEXT } from './tokenizer_save.ts';

/** A token beside those of the merges, found in texts as a whole. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it steers the model, so that a text holds it only where the caller says so. */
  readonly control: boolean;
  /** Whether the file itself says so. */
  readonly special: boolean;
}

export interface HubParts {
  /** By id, as the file writes them. */
  readonly tokens: readonly string[];
  readonly added: readonly AddedToken[];
  /** In the order in which they are applied; none makes or takes a special token. */
  readonly merges: readonly (readonly [string, string])[];
  readonly steps: Steps;
  /** Whether a piece that is a token is left whole. */
  readonly ignoreMerges: boolean;
  /** Ids before every text. */
  readonly startIds: readonly number[];
  readonly eosId: number | null;
  readonly padId: number | null;
}

/**
 * @param file its name, for messages   @param json all of it
 * @param tokens by id, added ones among them   @param merges "left right" or pairs, as `mergesOf` checked them
 * @param config tokenizer_config.json, which names the tokens that begin and end a text
 * @throws InputError for steps and settings that are not known here, and for tokens that the vocabulary lacks
 */
export function hubParts(
  file: string,
  json: JsonObject,
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  config: JsonObject | null,
): HubParts {
  const model = json.get('model') as JsonObject;
  const steps = stepsOf(file, json);
  refuseSettings(file, model, steps);
  const added = addedTokens(file, json.get('added_tokens') ?? [], steps);
  const whole = new Set(added.filter(({ control }) => control).map(({ content }) => content));
  return {
    tokens,
    added,
    merges: merges.filter(([left, right]) => !whole.has(left) && !whole.has(right) && !whole.has(left + right)),
    steps,
    ignoreMerges: model.get('ignore_merges') === true,
    startIds: startIds(file, json, tokens, config),
    eosId: endId(tokens, config),
    padId: padId(tokens, config),
  };
}

/** Settings that would give other ids. Absent and null are the plain ones. */
function refuseSettings(file: string, model: JsonObject, { form }: Steps): void {
  const plain = (key: string, ...allowed: JsonValue[]) => {
    const value = model.get(key);
    if (value === undefined || value === null || allowed.includes(value)) return;
    throw new InputError(
      `${file}: model.${key}: found ${described(value)}, expected ${described(allowed[0])}. Take a tokenizer without it.`,
    );
  };
  plain('dropout', 0);
  plain('continuing_subword_prefix', '');
  plain('end_of_word_suffix', '');
  plain('ignore_merges', false, true);
  plain('byte_fallback', form === 'characters', form === 'characters');
  if (form === 'bytes') return;
  const vocab = model.get('vocab') as JsonObject;
  const missing = BYTE_TOKENS.find((token) => !vocab.has(token));
  if (model.get('byte_fallback') === true && missing === undefined) return;
  const found = missing === undefined ? '"byte_fallback": true' : quoted(missing);
  throw new InputError(`${file}: model: found no ${found}, expected all 256 bytes. Some text could not be encoded.`);
}

/** SentencePiece's tokens of single bytes. */
const BYTE_TOKENS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** Added tokens, which `vocabularyOf` has looked at. */
function addedTokens(file: string, list: JsonValue, steps: Steps): AddedToken[] {
  const seen = new Map<string, AddedToken>();
  for (const token of list as JsonObject[]) {
    const content = token.get('content') as string;
    const where = `${file}: added token ${quoted(content)}`;
    const wide = ['single_word', 'lstrip', 'rstrip'].find((key) => (token.get(key) ?? false) !== false);
    if (wide !== undefined)
      throw new InputError(
        `${where}: ${wide}: found ${described(token.get(wide))}, expected false. Take a tokenizer without it.`,
      );
    const special = token.get('special') === true;
    const normalized = (token.get('normalized') ?? !special) === true;
    if (normalized && steps.form === 'characters')
      throw new InputError(`${where}: normalized: found true, expected false. Take a tokenizer without it.`);
    if (normalized && content.normalize('NFC') !== content)
      throw new InputError(`${where}: found a text that normalization changes, expected one in NFC.`);
    // Files call some control tokens plain, such as <tool_call>. Plain words and runs of spaces are text.
    const control = special || /[^\p{L}\p{N}\p{M}\p{White_Space}_▁]/u.test(content);
    seen.set(content, { id: token.get('id') as number, content, control, special });
  }
  return [...seen.values()];
}

/**
 * Ids before every text: tokenizer_config.json decides where it speaks, as in the classes of Hugging Face's library, else the
 * post_processor. @throws InputError as hubParts
 */
export function startIds(
  file: string,
  json: JsonObject,
  tokens: readonly string[],
  config: JsonObject | null,
): number[] {
  const template = templateIds(file, json, tokens);
  const adds = config?.get('add_bos_token');
  if (typeof adds !== 'boolean' || !config) return template;
  if (!adds) return [];
  const bos = tokenNamed(config, 'bos_token');
  const id = bos === undefined ? -1 : tokens.indexOf(bos);
  if (id >= 0) return [id];
  throw new InputError(
    `tokenizer_config.json: bos_token: found ${described(config.get('bos_token'))}, expected a token of ${file}, since add_bos_token is true. ` +
      'The two files are of different tokenizers.',
  );
}

/** The token that ends a text: what the configuration names, else `<|endoftext|>`; null where there is none. */
function endId(tokens: readonly string[], config: JsonObject | null): number | null {
  const named = config ? tokenNamed(config, 'eos_token') : undefined;
  const id = tokens.indexOf(named ?? END_OF_TEXT);
  if (id >= 0) return id;
  if (named === undefined) return null;
  throw new InputError(
    `tokenizer_config.json: eos_token: found ${quoted(named)}, which is not among the ${tokens.length} tokens of tokenizer.json. ` +
      'The two files are of different tokenizers.',
  );
}

/** The token that fills up shorter texts, where the configuration names one of these. */
function padId(tokens: readonly string[], config: JsonObject | null): number | null {
  const named = config ? tokenNamed(config, 'pad_token') : undefined;
  const id = named === undefined ? -1 : tokens.indexOf(named);
  return id < 0 ? null : id;
}

/** A token that the configuration names, as text or as an object with `content`. */
export function tokenNamed(config: JsonObject, key: string): string | undefined {
  const value = config.get(key);
  const text = value instanceof Map ? value.get('content') : value;
  return typeof text === 'string' ? text : undefined;
}
