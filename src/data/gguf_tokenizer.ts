// A tokenizer of Hugging Face as the keys that llama.cpp reads it by.
// Source: https://github.com/ggml-org/llama.cpp, gguf-py/gguf/constants.py (`Tokenizer`, `TokenType`), conversion/base.py.

import type { GenerationIds } from '../checkpoint/generation_config.ts';
import type { GgufValue } from '../checkpoint/gguf.ts';
import { type JsonObject, type JsonValue, parseJson } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import type { MergePair } from './bpe.ts';
import { templateIn, tokenizerConfig } from './chat_template.ts';
import { startIds } from './hub_tokenizer_file.ts';
import { digits, GPT2_SPLIT, knownSplit, LLAMA3_SPLIT, QWEN2_SPLIT } from './hub_tokenizer_patterns.ts';
import { type Steps, stepsOf } from './hub_tokenizer_steps.ts';
import { mergesOf, mergesOfText, vocabularyOf } from './vocabulary.ts';

/** llama.cpp's numbers for kinds of tokens. */
const KINDS = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** What cuts a text before merging, by llama.cpp's names for it. Patterns are compared, never run. */
const SPLITS: readonly { pre: string; splits: readonly string[] }[] = [
  { pre: 'gpt-2', splits: [knownSplit(GPT2_SPLIT)!] },
  { pre: 'llama-bpe', splits: [knownSplit(LLAMA3_SPLIT)!] },
  { pre: 'qwen2', splits: [knownSplit(QWEN2_SPLIT)!] },
  { pre: 'smollm', splits: [digits(true), knownSplit(GPT2_SPLIT)!] },
];

/** What a file without a tokenizer says. */
const NONE = new Map<string, GgufValue>([['tokenizer.ggml.model', { string: 'none' }]]);

/** Parts of a tokenizer, whichever files it came in. */
interface Parts {
  readonly tokens: readonly string[];
  readonly merges: readonly MergePair[];
  readonly json: JsonObject;
}

/**
 * The keys of a tokenizer. One that llama.cpp cannot have is left out: the file then takes ids alone.
 * @param files name -> text   @param ids those of the model   @param vocabSize rows of its table: unused ids are named too
 * @returns the keys, and why there is no tokenizer, or null
 * @throws InputError for malformed files, and for a post_processor that is not known here
 */
export function ggufTokenizer(
  files: ReadonlyMap<string, string>,
  ids: GenerationIds,
  vocabSize: number,
): { metadata: ReadonlyMap<string, GgufValue>; missing: string | null } {
  const without = (missing: string) => ({ metadata: NONE, missing });
  const parts = partsOf(files);
  if (parts === null) return without('the folder has no tokenizer');
  const [eos] = ids.eosTokenIds;
  // Where the key is missing llama.cpp takes some fixed id for the end.
  if (eos === undefined) return without('the tokenizer has no token that ends a text');
  const { tokens, json } = parts;
  const form = formOf(json);
  if (form === null) return without('llama.cpp is not known to have this kind of tokenizer');
  const named = [
    ...tokens,
    ...Array.from({ length: vocabSize - tokens.length }, (_, i) => `[PAD${tokens.length + i}]`),
  ];
  const config = tokenizerConfig(files);
  const start = startIds('tokenizer.json', json, tokens, config);
  const metadata = new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { string: form.model }],
    ['tokenizer.ggml.pre', { string: form.pre }],
    ['tokenizer.ggml.tokens', { strings: named }],
    ...(form.model === 'llama'
      ? [['tokenizer.ggml.scores', { float32s: scoresOf(parts, named.length) }] as const]
      : []),
    ['tokenizer.ggml.token_type', { int32s: kindsOf(parts, named.length, form.model === 'llama') }],
    ...(form.model === 'gpt2'
      ? [['tokenizer.ggml.merges', { strings: parts.merges.map((pair) => pair.join(' ')) }] as const]
      : []),
    ['tokenizer.ggml.eos_token_id', { uint32: eos }],
  ]);
  const id = (key: string, value: number | null) => {
    if (value !== null && value >= 0) metadata.set(`tokenizer.ggml.${key}_token_id`, { uint32: value });
  };
  id('bos', start[0] ?? ids.bosTokenId);
  id('padding', ids.padTokenId);
  const unknown = asObject(json.get('model')).get('unk_token');
  if (typeof unknown === 'string') id('unknown', tokens.indexOf(unknown));
  metadata.set('tokenizer.ggml.add_bos_token', { bool: start.length > 0 });
  metadata.set('tokenizer.ggml.add_eos_token', { bool: config.get('add_eos_token') === true });
  if (form.model === 'llama') metadata.set('tokenizer.ggml.add_space_prefix', { bool: form.prefix });
  const template = templateIn(files, config);
  if (template) metadata.set('tokenizer.chat_template', { string: template.source });
  return { metadata, missing: null };
}

function partsOf(files: ReadonlyMap<string, string>): Parts | null {
  const text = files.get('tokenizer.json');
  if (text !== undefined) {
    const json = asObject(parseJson(text, 'tokenizer.json'));
    const model = asObject(json.get('model'));
    const tokens = vocabularyOf('tokenizer.json: model.vocab', model.get('vocab'), json.get('added_tokens') ?? []);
    return { tokens, merges: mergesOf('tokenizer.json: model.merges', model.get('merges') ?? [], tokens), json };
  }
  const [vocab, merges] = [files.get('vocab.json'), files.get('merges.txt')];
  if (vocab === undefined || merges === undefined) return null;
  const tokens = vocabularyOf('vocab.json', parseJson(vocab, 'vocab.json'), []);
  const byteLevel = new Map<string, JsonValue>([['type', 'ByteLevel']]);
  const json = new Map<string, JsonValue>([
    ['pre_tokenizer', byteLevel],
    ['decoder', byteLevel],
  ]);
  return { tokens, merges: mergesOfText('merges.txt', merges, tokens), json };
}

type Form = { model: 'gpt2'; pre: string } | { model: 'llama'; pre: 'default'; prefix: boolean };

/** Which of llama.cpp's two kinds of BPE it is; null for others. */
function formOf(json: JsonObject): Form | null {
  const model = asObject(json.get('model'));
  if ((model.get('type') ?? 'BPE') !== 'BPE') return null;
  const steps = knownSteps(json);
  if (steps?.form === 'bytes') {
    const pre = SPLITS.find(({ splits }) => splits.join('\n') === steps.splits.join('\n'))?.pre;
    return pre === undefined ? null : { model: 'gpt2', pre };
  }
  if (steps === null || model.get('byte_fallback') !== true) return null;
  // It puts the space before every part between special tokens, also where the file says "first": as conversion/llama.py leaves it.
  return { model: 'llama', pre: 'default', prefix: steps.prefix !== 'never' };
}

function knownSteps(json: JsonObject): Steps | null {
  try {
    return stepsOf('tokenizer.json', json);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

function kindsOf({ tokens, json }: Parts, size: number, bytes: boolean): number[] {
  const kinds = new Array<number>(size).fill(KINDS.unused);
  const unknown = asObject(json.get('model')).get('unk_token');
  tokens.forEach((token, id) => {
    kinds[id] = bytes && /^<0x[\dA-F]{2}>$/.test(token) ? KINDS.byte : KINDS.normal;
  });
  const added = json.get('added_tokens');
  for (const each of Array.isArray(added) ? added.map(asObject) : []) {
    const special = each.get('special') === true;
    kinds[Number(each.get('id'))] =
      bytes && each.get('content') === unknown ? KINDS.unknown : special ? KINDS.control : KINDS.userDefined;
  }
  return kinds;
}

/** SentencePiece merges what has the best score; here the first merge is the best. */
function scoresOf({ tokens, merges }: Parts, size: number): number[] {
  const first = new Map<string, number>();
  merges.forEach((pair, rank) => {
    const token = pair.join('');
    if (!first.has(token)) first.set(token, -rank);
  });
  const ids = Array.from({ length: size }, (_, id) => tokens[id] ?? '');
  return ids.map((token) => first.get(token) ?? -merges.length);
}

function asObject(value: JsonValue | undefined): JsonObject {
  return value instanceof Map ? value : new Map();
}
