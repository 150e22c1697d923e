// Tokenizers read back from a Hugging Face folder. The content decides which tokenizer it is, the name that a file gives
// itself must agree, and nothing from a file is ever run.
import { described, type JsonObject, type JsonValue, parseJson, quoted } from '../checkpoint/json.ts';
import { TOKENIZER_TEXTS } from '../checkpoint/tokenizer_names.ts';
import { InputError } from '../errors.ts';
import type { MergePair } from './bpe.ts';
import { bpeFrom, isAroundGpt2, laidOutAsGpt2 } from './bpe_files.ts';
import { ByteTokenizer } from './byte.ts';
import { BYTE_TO_CHAR } from './byte_level.ts';
import { CharTokenizer } from './char.ts';
import { templateIn, tokenizerConfig } from './chat_template.ts';
import { Gpt2Tokenizer } from './gpt2.ts';
import { hubParts } from './hub_tokenizer_file.ts';
import type { Tokenizer } from './tokenizer.ts';
import { END_OF_TEXT, KIND_FIELD } from './tokenizer_save.ts';
import { mergesOf, mergesOfText, vocabularyOf } from './vocabulary.ts';
import { WordTokenizer } from './word.ts';
import { wordParts } from './word_files.ts';

/**
 * The tokenizer of a folder.
 * @param read the text of a file of the folder, undefined where there is none
 * @throws InputError as `tokenizerFromFiles`
 */
export async function loadTokenizer(read: (name: string) => Promise<string | undefined>): Promise<Tokenizer> {
  const files = new Map<string, string>();
  for (const name of TOKENIZER_TEXTS) {
    const text = await read(name);
    if (text !== undefined) files.set(name, text);
  }
  return tokenizerFromFiles(files);
}

/**
 * The tokenizer that these files hold: `tokenizer.json`, or GPT-2's older pair `vocab.json` and `merges.txt`.
 * @param files name -> text; all beside `tokenizer.json` may be absent
 * @throws InputError for malformed files, and for tokenizers of other kinds
 */
export async function tokenizerFromFiles(files: ReadonlyMap<string, string>): Promise<Tokenizer> {
  const tokenizer = await recognised(files);
  const template = templateIn(files, tokenizerConfig(files));
  const own = template && tokenizer.files();
  if (!own || templateIn(own, tokenizerConfig(own))) return tokenizer;
  return withTemplate(tokenizer, template.source);
}

/** The chat template of its folder goes with a tokenizer that writes its files anew. */
function withTemplate(own: Tokenizer, source: string): Tokenizer {
  const { kind, vocabSize, eosId, padId, specialTokens, answerTokens, plainTokens, startIds } = own;
  // All that a tokenizer has is named here: where something is added, it does not compile.
  const all: { [Name in keyof Required<Tokenizer>]: Tokenizer[Name] | undefined } = {
    ...{ kind, vocabSize, eosId, padId, specialTokens, answerTokens, plainTokens, startIds },
    has: own.has?.bind(own),
    encode: own.encode.bind(own),
    decode: own.decode.bind(own),
    decoder: own.decoder.bind(own),
    lastCut: own.lastCut?.bind(own),
    files: () => new Map(own.files()).set('chat_template.jinja', source),
  };
  return all as Tokenizer;
}

async function recognised(files: ReadonlyMap<string, string>): Promise<Tokenizer> {
  if (files.has('tokenizer.json')) {
    const file = 'tokenizer_config.json';
    const text = files.get(file);
    const config = text === undefined ? null : anObject(parseJson(text, file), file);
    const tokenizer = await fromTokenizerJson(files, config);
    if (config) agree(config, file, tokenizer);
    return tokenizer;
  }
  const vocabJson = files.get('vocab.json');
  const mergesTxt = files.get('merges.txt');
  if (vocabJson === undefined || mergesTxt === undefined) {
    throw new InputError(
      'tokenizer: found no tokenizer.json, expected one (or vocab.json with merges.txt). Name its folder.',
    );
  }
  const vocab = vocabularyOf('vocab.json', parseJson(vocabJson, 'vocab.json'), []);
  return gpt2From('vocab.json', vocab, mergesOfText('merges.txt', mergesTxt, vocab));
}

/** The first kind that fits, from the plainest: words, characters, bytes, GPT-2's own, merges of its kind, and all that the library reads. */
async function fromTokenizerJson(files: ReadonlyMap<string, string>, config: JsonObject | null): Promise<Tokenizer> {
  const file = 'tokenizer.json';
  const json = anObject(parseJson(files.get(file)!, file), file);
  const model = anObject(json.get('model'), `${file}: model`);
  const type = model.get('type');
  if (type !== undefined && type !== 'BPE' && type !== 'WordLevel') {
    throw new InputError(
      `${file}: model.type: found ${described(type)}, expected "BPE" or "WordLevel". Models of the GPT-2 and Llama families have one.`,
    );
  }
  const vocab = vocabularyOf(`${file}: model.vocab`, model.get('vocab'), json.get('added_tokens') ?? []);
  if (type === 'WordLevel') return new WordTokenizer(wordParts(file, json, vocab, config));
  const merges = mergesOf(`${file}: model.merges`, model.get('merges'), vocab);
  if (merges.length === 0 && isCharacters(json, vocab)) return new CharTokenizer(vocab);
  if (isAroundGpt2(json, merges.length)) {
    if (merges.length === 0 && vocab.length === 256 && vocab.every((token, id) => token === BYTE_TO_CHAR[id]))
      return new ByteTokenizer();
    if (vocab.length === 50257 && !(await isAnother(vocab, merges))) return gpt2From(file, vocab, merges);
    const bpe = bpeFrom(json, vocab, merges, config);
    if (bpe) return bpe;
  }
  const { HubTokenizer } = await import('./hub_tokenizer.ts');
  return HubTokenizer.open(hubParts(file, json, vocab, merges, config), files);
}

/** Whether every token is one character, and nothing is done around them. */
function isCharacters(json: JsonObject, vocab: readonly string[]): boolean {
  const isNone = (key: string) => (json.get(key) ?? null) === null;
  const isOne = (token: string) => token.length <= 2 && String.fromCodePoint(token.codePointAt(0)!) === token;
  return isNone('normalizer') && isNone('pre_tokenizer') && isNone('post_processor') && vocab.every(isOne);
}

/** Whether as many tokens as GPT-2 has are sound ones of another text, and not GPT-2's with a fault. */
async function isAnother(vocab: readonly string[], merges: readonly MergePair[]): Promise<boolean> {
  const gpt2 = await Gpt2Tokenizer.load();
  return laidOutAsGpt2(vocab, merges) && gpt2.visibleTokens().some((token, id) => vocab[id] !== token);
}

/** GPT-2's tokenizer, once the file proves to hold exactly its tokens and merges: one other id would be silent nonsense. */
async function gpt2From(file: string, vocab: readonly string[], merges: readonly MergePair[]): Promise<Tokenizer> {
  const gpt2 = await Gpt2Tokenizer.load();
  const expected = [...gpt2.visibleTokens(), END_OF_TEXT];
  const id = expected.findIndex((token, i) => vocab[i] !== token);
  if (vocab.length !== expected.length || id >= 0) {
    const found = id >= 0 ? `id ${id} as ${quoted(vocab[id] ?? '')}` : `${vocab.length} tokens`;
    const wanted = id >= 0 ? quoted(expected[id]!) : expected.length;
    throw new InputError(`${file}: found ${found}, expected ${wanted} as in GPT-2. Fetch the file again.`);
  }
  // Merge number i makes token 256 + i.
  const at = merges.findIndex(([left, right], i) => left + right !== expected[256 + i]);
  if (merges.length !== 50000 || at >= 0) {
    const found = at >= 0 ? `merge ${at + 1} as "${merges[at]!.join(' ')}"` : `${merges.length} merges`;
    throw new InputError(`${file}: found ${found}, expected the 50000 merges of GPT-2. Fetch the file again.`);
  }
  return gpt2;
}

function agree(config: JsonObject, file: string, tokenizer: Tokenizer): void {
  const said = config.get(KIND_FIELD);
  if (said !== undefined && said !== tokenizer.kind) {
    throw new InputError(
      `${file}: ${KIND_FIELD}: found ${described(said)}, expected "${tokenizer.kind}", which is what tokenizer.json holds. ` +
        'The two files are of different tokenizers.',
    );
  }
}

function anObject(value: JsonValue | undefined, where: string): JsonObject {
  if (value instanceof Map) return value;
  throw new InputError(`${where}: found ${described(value)}, expected an object. Fetch the file again.`);
}
