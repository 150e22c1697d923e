// Tokenizers read back from a Hugging Face folder. The content decides which tokenizer it is, the name that a file gives
// itself must agree, and nothing from a file is ever run.
import { described, type JsonObject, type JsonValue, parseJson, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { bpeFrom, laidOutAsGpt2 } from './bpe_files.ts';
import { ByteTokenizer } from './byte.ts';
import { BYTE_TO_CHAR } from './byte_level.ts';
import { CharTokenizer } from './char.ts';
import { Gpt2Tokenizer } from './gpt2.ts';
import type { Tokenizer } from './tokenizer.ts';
import { END_OF_TEXT, KIND_FIELD } from './tokenizer_save.ts';
import { mergesOf, mergesOfText, refuseProgram, vocabularyOf } from './vocabulary.ts';

const KNOWN =
  'Known are: "char" (BPE without merges whose tokens are single characters), "byte" (the 256 bytes, ids 0 to 255), ' +
  '"gpt2" (the 50257 tokens of GPT-2) and "bpe" (GPT-2\'s bytes and pattern, other merges)';

/**
 * The tokenizer of a folder.
 * @param read the text of a file of the folder, undefined where there is none
 * @throws InputError as `tokenizerFromFiles`
 */
export async function loadTokenizer(read: (name: string) => Promise<string | undefined>): Promise<Tokenizer> {
  const files = new Map<string, string>();
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt']) {
    const text = await read(name);
    if (text !== undefined) files.set(name, text);
  }
  return tokenizerFromFiles(files);
}

/**
 * The tokenizer that these files hold: `tokenizer.json`, or GPT-2's older pair `vocab.json` and `merges.txt`.
 * @param files name -> text; `tokenizer_config.json` may be absent
 * @throws InputError for malformed files, and for tokenizers of other kinds
 */
export async function tokenizerFromFiles(files: ReadonlyMap<string, string>): Promise<Tokenizer> {
  const json = files.get('tokenizer.json');
  if (json !== undefined) {
    const text = files.get('tokenizer_config.json');
    const file = 'tokenizer_config.json';
    const config = text === undefined ? null : anObject(parseJson(text, file), file);
    const tokenizer = await fromTokenizerJson(json, config);
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

async function fromTokenizerJson(text: string, config: JsonObject | null): Promise<Tokenizer> {
  const file = 'tokenizer.json';
  const json = anObject(parseJson(text, file), file);
  const model = anObject(json.get('model'), `${file}: model`);
  const type = model.get('type');
  if (type !== undefined && type !== 'BPE') {
    throw new InputError(`${file}: model.type: found ${described(type)}, expected "BPE". ${KNOWN}.`);
  }
  const vocab = vocabularyOf(`${file}: model.vocab`, model.get('vocab'), json.get('added_tokens') ?? []);
  const merges = mergesOf(`${file}: model.merges`, model.get('merges'), vocab);
  refuseProgram(file, json);
  if ((json.get('pre_tokenizer') ?? null) === null) {
    const characters = vocab.every(
      (token) => token.length <= 2 && String.fromCodePoint(token.codePointAt(0)!) === token,
    );
    if (characters && merges.length === 0) return new CharTokenizer(vocab);
  } else if (merges.length === 0 && vocab.length === 256 && vocab.every((token, id) => token === BYTE_TO_CHAR[id])) {
    return new ByteTokenizer();
  } else if (vocab.length === 50257 && !(await isAnother(vocab, merges))) {
    return gpt2From(file, vocab, merges);
  } else {
    return bpeFrom(file, json, vocab, merges, config);
  }
  throw new InputError(
    `${file}: found a BPE of ${vocab.length} tokens and ${merges.length} merges, which is none of the tokenizers known here. ${KNOWN}.`,
  );
}

/** Whether as many tokens as GPT-2 has are sound ones of another text, and not GPT-2's with a fault. */
async function isAnother(vocab: readonly string[], merges: readonly string[]): Promise<boolean> {
  const gpt2 = await Gpt2Tokenizer.load();
  return laidOutAsGpt2(vocab, merges) && gpt2.visibleTokens().some((token, id) => vocab[id] !== token);
}

/** GPT-2's tokenizer, once the file proves to hold exactly its tokens and merges: one other id would be silent nonsense. */
async function gpt2From(file: string, vocab: readonly string[], merges: readonly string[]): Promise<Tokenizer> {
  const gpt2 = await Gpt2Tokenizer.load();
  const expected = [...gpt2.visibleTokens(), END_OF_TEXT];
  const id = expected.findIndex((token, i) => vocab[i] !== token);
  if (vocab.length !== expected.length || id >= 0) {
    const found = id >= 0 ? `id ${id} as ${quoted(vocab[id] ?? '')}` : `${vocab.length} tokens`;
    const wanted = id >= 0 ? quoted(expected[id]!) : expected.length;
    throw new InputError(`${file}: found ${found}, expected ${wanted} as in GPT-2. ${KNOWN}.`);
  }
  // Merge number i makes token 256 + i.
  const at = merges.findIndex((pair, i) => pair.replace(' ', '') !== expected[256 + i]);
  if (merges.length !== 50000 || at >= 0) {
    const found = at >= 0 ? `merge ${at + 1} as "${merges[at]}"` : `${merges.length} merges`;
    throw new InputError(`${file}: found ${found}, expected the 50000 merges of GPT-2. ${KNOWN}.`);
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
