// Files of a tokenizer, as Hugging Face's libraries name them.

/** Those that are read here. */
export const TOKENIZER_TEXTS = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'vocab.json',
  'merges.txt',
] as const;

/** All of them: what goes with a model from folder to folder, for other tools too. */
export const TOKENIZER_NAMES = [...TOKENIZER_TEXTS, 'added_tokens.json', 'tokenizer.model'] as const;
