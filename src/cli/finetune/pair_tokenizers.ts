// The tokenizers of both sides of pairs, and the ids that pad, begin and end their texts.

import { grouped } from '../../data/counted.ts';
import { idOfToken } from '../../data/instruct/encode.ts';
import { trainPairTokenizer } from '../../data/pairs/pair_tokenizer.ts';
import type { Pair } from '../../data/pairs/read_pairs.ts';
import type { PairParts } from '../../data/pairs/split_pairs.ts';
import { BpeTokenizer, ByteTokenizer, CharTokenizer, END_OF_TEXT, type Tokenizer } from '../../data/tokenizer.ts';
import { InputError } from '../../errors.ts';
import type { EncoderDecoderConfig } from '../../nn/transformer_config.ts';
import { tokenizerFor } from '../pretrain_text.ts';
import { RunShow } from '../show.ts';
import type { NothingRequest } from './task.ts';

export interface PairTokenizers {
  readonly source: Tokenizer;
  /** The same one where both sides share it. */
  readonly target: Tokenizer;
}

const PAD = '<|pad|>';
const START = '<|startoftext|>';
/** Of a vocabulary that is learned here. */
const SPECIAL = [PAD, START, END_OF_TEXT];

/**
 * Those that were named, or ones that are learned from the pairs to train on. Characters are those of all pairs: one that only the
 * others have would end the run.
 * @throws InputError for flags that contradict each other, and as the tokenizers' readers
 */
export async function pairTokenizers(
  { context, flags, settings: { vocabulary, vocabSize = 4000 } }: NothingRequest,
  { train, validation, test }: PairParts<Pair>,
): Promise<PairTokenizers> {
  const { tokenizer, sourceTokenizer, targetTokenizer } = flags;
  const { given } = context;
  const named = [tokenizer, sourceTokenizer, targetTokenizer].some((name) => name !== undefined);
  if (named && given.has('vocabSize'))
    throw new InputError(
      '--vocab-size: found beside a tokenizer, which has its own, expected it where one is learned. Leave one out.',
    );
  const textsOf = (pairs: readonly Pair[]) => ({
    source: pairs.map(({ source }) => source),
    target: pairs.map(({ target }) => target),
  });
  const all = textsOf([...train, ...validation, ...test]);
  if (tokenizer !== undefined) {
    if (sourceTokenizer !== undefined || targetTokenizer !== undefined)
      throw new InputError(
        `--tokenizer: found beside --${sourceTokenizer === undefined ? 'target' : 'source'}-tokenizer, expected one for both sides, or one for each. Leave it out.`,
      );
    if (vocabulary === 'separate')
      throw new InputError(
        '--vocabulary: found separate beside --tokenizer, which is one for both sides, expected --source-tokenizer and --target-tokenizer.',
      );
    const both = await folderOf(tokenizer, [...all.source, ...all.target], context);
    return { source: both, target: both };
  }
  if (sourceTokenizer !== undefined || targetTokenizer !== undefined) {
    if (sourceTokenizer === undefined || targetTokenizer === undefined)
      throw new InputError(
        `--${sourceTokenizer === undefined ? 'target' : 'source'}-tokenizer: found without the other side's, expected both. Name it, or one for both: --tokenizer DIR`,
      );
    return {
      source: await folderOf(sourceTokenizer, all.source, context),
      target: await folderOf(targetTokenizer, all.target, context),
    };
  }
  const texts = textsOf(train);
  const show = new RunShow(context.out, { totalSteps: 0 });
  show.phase('learning a vocabulary');
  try {
    if (vocabulary === 'separate') return level(learn(texts.source, vocabSize), learn(texts.target, vocabSize));
    const both = learn([...texts.source, ...texts.target], vocabSize);
    if (both.vocabSize < vocabSize)
      context.out.note(
        `--vocab-size: found ${grouped(vocabSize)}, reached ${grouped(both.vocabSize)}: after them no two neighbours occur twice in these pairs.`,
      );
    return { source: both, target: both };
  } finally {
    show.end();
  }
}

const learn = (texts: readonly string[], vocabSize: number) => trainPairTokenizer(texts, vocabSize, SPECIAL);

/** Both as large as the smaller, so that what begins and ends a text has the same ids on both sides. */
function level(source: BpeTokenizer, target: BpeTokenizer): PairTokenizers {
  const merges = Math.min(source.merges.length, target.merges.length);
  const cut = (tokenizer: BpeTokenizer) => BpeTokenizer.fromMerges(tokenizer.merges.slice(0, merges), SPECIAL);
  return { source: cut(source), target: cut(target) };
}

async function folderOf(
  name: string,
  texts: readonly string[],
  context: NothingRequest['context'],
): Promise<Tokenizer> {
  const found = await tokenizerFor(name, null, context);
  if (typeof found !== 'string') return found;
  if (found === 'byte') return new ByteTokenizer();
  if (found === 'char') return CharTokenizer.fromText(texts.join(''));
  const { Gpt2Tokenizer } = await import('../../data/tokenizer.ts');
  return Gpt2Tokenizer.load();
}

/** Sizes of the tables, and the ids of pad, begin and end, which mean the same on both sides. */
export function pairIds({
  source,
  target,
}: PairTokenizers): Pick<EncoderDecoderConfig, 'vocabSize' | 'sourceVocabSize' | 'padId' | 'bosId' | 'eosId'> {
  const [theirs, own] = [idsOf(source), idsOf(target)];
  const sizes = { vocabSize: target.vocabSize, sourceVocabSize: source.vocabSize };
  if (own && theirs && own.eosId === theirs.eosId && own.padId === theirs.padId) return { ...sizes, ...own };
  // Where they have none in common, one behind all tokens stands for it.
  const id = Math.max(source.vocabSize, target.vocabSize);
  return { vocabSize: id + 1, sourceVocabSize: id + 1, padId: id, bosId: id, eosId: id };
}

/** What a tokenizer has for it; as in GPT-2 the token that ends a text stands for the others where there are none. null: not even that. */
function idsOf(tokenizer: Tokenizer): Pick<EncoderDecoderConfig, 'padId' | 'bosId' | 'eosId'> | null {
  const { eosId, specialTokens = [], padId, startIds } = tokenizer;
  if (eosId === null) return null;
  const special = (token: string) => (specialTokens.includes(token) ? idOfToken(tokenizer, token) : undefined);
  return { padId: padId ?? special(PAD) ?? eosId, bosId: startIds?.[0] ?? special(START) ?? eosId, eosId };
}

/** A tokenizer that says nothing where an id stands for no token of it: see pairIds. */
export function sparing(own: Tokenizer, vocabSize: number): Tokenizer {
  const { kind, eosId, specialTokens } = own;
  if (vocabSize <= own.vocabSize) return own;
  return {
    ...{ kind, eosId, vocabSize: own.vocabSize, ...(specialTokens && { specialTokens }) },
    encode: own.encode.bind(own),
    decode: (ids) => own.decode([...ids].filter((id) => id < own.vocabSize)),
    decoder: own.decoder.bind(own),
    files: () => own.files(),
  };
}
