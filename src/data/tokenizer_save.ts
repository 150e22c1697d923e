// A tokenizer as the two files that Hugging Face's libraries read. All three kinds are the same model there, a BPE: characters
// and bytes are one without merges.
import type { TokenizerKind } from './tokenizer.ts';

/** The text of GPT-2's control token. */
export const END_OF_TEXT = '<|endoftext|>';

/** Our own field in tokenizer_config.json. Other readers ignore it. */
export const KIND_FIELD = 'shaderformer_tokenizer';

/** The two files of a tokenizer. `tokens` by id, as vocabulary files write them, without `<|endoftext|>`. */
export function huggingFaceFiles(parts: {
  kind: TokenizerKind;
  tokens: readonly string[];
  merges: readonly (readonly [string, string])[];
}): Map<string, string> {
  const { kind, tokens, merges } = parts;
  const eos = kind === 'gpt2' ? END_OF_TEXT : null;
  const vocab = eos ? [...tokens, eos] : tokens;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: kind === 'gpt2' };
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: eos ? [{ id: tokens.length, content: eos, ...special }] : [],
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
      vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(' ')), // the form that every version of the reader knows
    },
  };
  const config = {
    tokenizer_class: eos ? 'GPT2Tokenizer' : 'PreTrainedTokenizerFast',
    ...(eos && { bos_token: eos, eos_token: eos, unk_token: eos, add_prefix_space: false }),
    clean_up_tokenization_spaces: false,
    [KIND_FIELD]: kind,
  };
  return new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizer)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
  ]);
}
