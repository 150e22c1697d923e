// A tokenizer as the two files that Hugging Face's libraries read. All kinds are the same model there, a BPE: characters and
// bytes are one without merges.
import type { TokenizerKind } from './tokenizer.ts';

/** The text of GPT-2's control token. */
export const END_OF_TEXT = '<|endoftext|>';

/** Our own field in tokenizer_config.json. Other readers ignore it. */
export const KIND_FIELD = 'shaderformer_tokenizer';

/** Settings of the class that reads these files in Hugging Face's library. */
const classes = {
  gpt2: {
    tokenizer_class: 'GPT2Tokenizer',
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    add_prefix_space: false,
  },
  other: { tokenizer_class: 'PreTrainedTokenizerFast' },
};

/** The two files of a tokenizer. `tokens` by id, as vocabulary files write them; `special`: ids of those that are whole texts. */
export function huggingFaceFiles(parts: {
  kind: TokenizerKind;
  tokens: readonly string[];
  merges: readonly (readonly [string, string])[];
  special?: readonly number[];
  /** of the token that ends a document, where the class does not say it */
  eosId?: number | null;
}): Map<string, string> {
  const { kind, tokens, merges, special = [], eosId = null } = parts;
  const eos = eosId === null ? undefined : tokens[eosId];
  const useRegex = kind === 'gpt2' || kind === 'bpe';
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex };
  const whole = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((id) => ({ id, content: tokens[id], ...whole })),
    normalizer: null,
    pre_tokenizer: kind === 'char' ? null : byteLevel,
    post_processor: null,
    decoder: kind === 'char' ? { type: 'Fuse' } : byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(' ')), // the form that every version of the reader knows
    },
  };
  const config = {
    ...(kind === 'gpt2' ? classes.gpt2 : classes.other),
    ...(kind !== 'gpt2' && eos !== undefined && { bos_token: eos, eos_token: eos }),
    clean_up_tokenization_spaces: false,
    [KIND_FIELD]: kind,
  };
  return new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizer)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
  ]);
}
