// Small tokenizer.json files that do around their merges what Llama 3, SmolLM2, Qwen, TinyLlama and newer Llama conversions do.
import { GPT2_BYTES } from '../../src/data/bpe.ts';
import { visible } from '../../src/data/byte_level.ts';

export interface HubJson {
  added_tokens: Record<string, unknown>[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  model: { vocab: Record<string, number>; merges: unknown[] } & Record<string, unknown>;
  [key: string]: unknown;
}

export type HubName = keyof typeof makers;

/** tokenizer.json of one of them. */
export function hubJson(name: HubName): HubJson {
  return makers[name]();
}

/** The folder's files. */
export function hubFiles(name: HubName, config: object = {}, change: (json: HubJson) => void = () => {}) {
  const json = hubJson(name);
  change(json);
  return new Map([
    ['tokenizer.json', JSON.stringify(json, null, 1)],
    ['tokenizer_config.json', JSON.stringify(config)],
  ]);
}

/** Two parts a merge, in GPT-2's visible characters. */
const BYTE_MERGES =
  "Ġ t  h e  Ġt he  i n  Ġ a  o n  r e  1 2  12 3  4 5  ' s  i t  e n  a n  an d  ' S  Ġ Ġ  ĠĠ ĠĠ  Ċ Ċ  č Ċ  Ã ©  ä ¸  ä¸ Ń  ! !  ! Ċ  l o  lo w  " +
  'low e  lowe r  < |  Ġ W  H e  l l  He ll  Hell o  1 9';

/** In characters with the visible space. */
const CHARACTER_MERGES =
  '▁ t  h e  ▁t he  i n  ▁ a  o n  r e  1 2  l o  lo w  ▁ low  low e  lowe r  ▁ ▁  ▁▁ ▁▁  ▁ O  n c  ▁O nc  ▁Onc e  H e  ▁ He  ▁ <  < s  <s >  é e';

const CHARACTERS = ["abcdefghijklmnopqrstuvwxyzHOTW0123456789.,!'<>|/s\n", '▁éß中'];

function merged(merges: string, vocab: Map<string, number>): [string, string][] {
  const pairs = merges.split('  ').map((pair) => pair.split(' ') as [string, string]);
  for (const [left, right] of pairs) if (!vocab.has(left + right)) vocab.set(left + right, vocab.size);
  return pairs;
}

function added(vocab: Map<string, number>, contents: readonly string[], special = true) {
  return contents.map((content) => {
    const id = vocab.get(content) ?? vocab.size;
    vocab.set(content, id);
    return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
  });
}

const plain = { dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null };
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const split = (Regex: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
    { ...byteLevel, use_regex: false },
  ],
});

function template(token: string, id: number) {
  const single = [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
  const pair = [...single, { Sequence: { id: 'B', type_id: 1 } }];
  return {
    type: 'TemplateProcessing',
    single,
    pair,
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/** A byte-level file; `first` are special tokens numbered before the bytes. */
function bytes(
  { first = [], last = [], words = [] }: { first?: string[]; last?: string[]; words?: string[] },
  around: (id: (token: string) => number) => object,
  model: object = {},
): HubJson {
  const vocab = new Map<string, number>();
  const before = added(vocab, first);
  for (const byte of GPT2_BYTES) vocab.set(visible(byte), vocab.size);
  const merges = merged(BYTE_MERGES, vocab);
  const inVocab = Object.fromEntries(vocab);
  const after = [...added(vocab, last), ...added(vocab, words, false)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...before, ...after],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    ...around((token) => vocab.get(token)!),
    model: {
      type: 'BPE',
      ...plain,
      fuse_unk: false,
      byte_fallback: false,
      vocab: inVocab,
      merges: merges.map((pair) => pair.join(' ')),
      ...model,
    },
  };
}

function characters(around: (id: (token: string) => number) => object): HubJson {
  const vocab = new Map<string, number>();
  const special = added(vocab, ['<unk>', '<s>', '</s>']);
  for (let byte = 0; byte < 256; byte++)
    vocab.set(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, vocab.size);
  for (const character of new Set(CHARACTERS.join('').replace('\n', ''))) vocab.set(character, vocab.size);
  const merges = merged(CHARACTER_MERGES, vocab);
  const decoders = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: template('<s>', vocab.get('<s>')!),
    decoder: { type: 'Sequence', decoders },
    ...around((token) => vocab.get(token)!),
    model: {
      type: 'BPE',
      ...plain,
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}

const makers = {
  /** Groups of up to three digits, any case of contractions, tokens kept whole, a token before every text. */
  llama3: () =>
    bytes(
      { last: ['<|begin_of_text|>', '<|eot_id|>', 'end'] },
      (id) => ({
        pre_tokenizer: split(LLAMA3),
        post_processor: {
          type: 'Sequence',
          processors: [byteLevel, template('<|begin_of_text|>', id('<|begin_of_text|>'))],
        },
      }),
      { ignore_merges: true },
    ),
  /** Single digits, then GPT-2's pattern; special tokens numbered first. */
  smollm2: () =>
    bytes({ first: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] }, () => ({
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel] },
    })),
  /** NFC, and added tokens that are not special. */
  qwen: () =>
    bytes({ last: ['<|endoftext|>', '<|im_end|>'], words: ['<think>', '\u00a0\u00a0'] }, () => ({
      normalizer: { type: 'NFC' },
      pre_tokenizer: split(LLAMA3.replace('{1,3}', '')),
      post_processor: byteLevel,
    })),
  /** SentencePiece's characters with a visible space, before every part. */
  tinyllama: () =>
    characters(() => ({
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
    })),
  /** The same as newer conversions write it: a space before the first part alone. */
  metaspace: () =>
    characters(() => ({
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    })),
};
