// tokenizer: learns a byte-level BPE from texts, and shows what a tokenizer makes of a text.

import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { defineFlags, type FlagValues, kebabCase } from './flags.ts';
import { decodeIds, encodeText } from './tokenizer_text.ts';
import { trainTokenizer } from './tokenizer_train.ts';

const flags = defineFlags([
  {
    name: 'data',
    type: 'text',
    group: 'train',
    multiple: true,
    placeholder: 'FILE|DIR',
    help: 'text to learn from: plain, .jsonl, .parquet, or both sides of the pairs of a .tsv or .csv; default: Moby-Dick',
  },
  {
    name: 'text-field',
    type: 'text',
    group: 'train',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
  {
    name: 'source-column',
    type: 'text',
    group: 'train',
    placeholder: 'NAME|N',
    example: 'en',
    help: 'column of a .tsv or .csv, or field of .jsonl rows, that holds the sources of pairs; default: source, else the first',
  },
  {
    name: 'target-column',
    type: 'text',
    group: 'train',
    placeholder: 'NAME|N',
    example: 'de',
    help: 'the same of their targets; default: target, else the second',
  },
  {
    name: 'kind',
    type: 'choice',
    group: 'train',
    choices: ['bpe', 'word'],
    default: 'bpe',
    help: 'bpe: pieces of words, any text comes back; word: the most frequent words, all others are [UNK]',
  },
  {
    name: 'vocab-size',
    type: 'integer',
    group: 'train',
    min: 1,
    max: 1e6,
    unit: 'tokens',
    example: '500',
    help: 'in all; bpe: 256 bytes, merges, special tokens; word: special tokens, words',
  },
  {
    name: 'keep-case',
    type: 'boolean',
    group: 'train',
    help: 'of --kind word: "Free" and "free" are two words; otherwise texts are taken in small letters',
  },
  {
    name: 'special',
    type: 'text',
    group: 'train',
    multiple: true,
    placeholder: 'TEXT',
    example: '<|endoftext|>',
    help: 'a token of its own, beside [PAD] and [UNK] of --kind word; default: <|endoftext|>, which ends documents where it is among them',
  },
  {
    name: 'out',
    type: 'text',
    group: 'train',
    placeholder: 'DIR',
    example: 'tokens-500',
    help: 'a new or empty folder',
  },
  {
    name: 'model',
    type: 'text',
    group: 'encode and decode',
    placeholder: 'DIR',
    example: 'runs/moby-1',
    help: 'the tokenizer of a run folder, a step folder, a Hugging Face folder or a model on the hub',
  },
  {
    name: 'tokenizer',
    type: 'text',
    group: 'encode and decode',
    placeholder: 'byte|gpt2|DIR|OWNER/NAME',
    example: 'gpt2',
    help: 'a tokenizer by name, its folder, or that of a model on the hub',
  },
  {
    name: 'text',
    type: 'text',
    group: 'encode and decode',
    mayBeEmpty: true,
    placeholder: 'TEXT',
    example: '"Call me"',
    help: 'what to encode; default: standard input, with its last line end',
  },
  {
    name: 'allow-special',
    type: 'boolean',
    group: 'encode and decode',
    help: 'special tokens in the text become their ids; otherwise they are text like any other',
  },
  {
    name: 'ids',
    type: 'text',
    group: 'encode and decode',
    mayBeEmpty: true,
    placeholder: '1,2,3',
    help: 'what to decode; default: standard input, numbers with spaces or commas between',
  },
]);

export type TokenizerFlags = FlagValues<typeof flags>;

/** What can be done, and the flags that go with it. */
const ACTIONS = new Map<string, { own: readonly (keyof TokenizerFlags)[]; run: Action }>([
  [
    'train',
    {
      own: [
        ...(['data', 'textField', 'sourceColumn', 'targetColumn'] as const),
        ...(['kind', 'vocabSize', 'keepCase', 'special', 'out'] as const),
      ],
      run: trainTokenizer,
    },
  ],
  ['encode', { own: ['model', 'tokenizer', 'text', 'allowSpecial'], run: encodeText }],
  ['decode', { own: ['model', 'tokenizer', 'ids'], run: decodeIds }],
]);

type Action = (context: CommandContext, flags: TokenizerFlags) => Promise<number>;

export const tokenizer = defineCommand({
  name: 'tokenizer',
  summary: 'learns a vocabulary from texts; turns text into ids and back',
  flags,
  positionals: [{ name: 'train|encode|decode', help: 'what to do', required: true }],
  examples: [
    'tokenizer train --data book.txt --vocab-size 500 --out tokens-500',
    'tokenizer train --kind word --data messages.jsonl --vocab-size 4000 --out words-4000',
    'tokenizer train --data pairs.tsv --vocab-size 4000 --out tokens-4000',
    'tokenizer encode --tokenizer tokens-500 --text "Call me Ishmael."',
    'tokenizer decode --model runs/moby-1 --ids 1,2,3',
  ],
  async run(context, given, [word]) {
    const action = ACTIONS.get(word!);
    if (!action)
      throw new InputError(
        `tokenizer: found the word ${quoted(word!)}, expected train, encode or decode. For example: shaderformer tokenizer encode --tokenizer gpt2 --text "Call me"`,
      );
    const known = new Set<string>(action.own);
    const foreign = flags
      .map(({ name }) => name)
      .find((name) => {
        const key = [...context.given].find((each) => kebabCase(each) === name);
        return key !== undefined && !known.has(key);
      });
    if (foreign !== undefined)
      throw new InputError(
        `--${foreign}: found beside tokenizer ${word}, expected ${[...action.own].map((key) => `--${kebabCase(key)}`).join(', ')}. Leave it out.`,
      );
    return action.run(context, given);
  },
});
