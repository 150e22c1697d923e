// An encoder-decoder that is made for its pairs: their vocabulary, the longest of them, and the sizes that were asked for.

import { pairWidth } from '../../data/bucket.ts';
import type { Pair } from '../../data/pairs/read_pairs.ts';
import { InputError } from '../../errors.ts';
import type { OwnSettings } from '../../finetune/own_settings.ts';
import { type EncoderDecoderConfig, encoderDecoderConfig, refuseEncoderDecoder } from '../../nn/transformer_config.ts';
import type { Beginning } from './beginning.ts';
import { chosenPairs } from './pair_files.ts';
import { pairParts, type SplitPairs } from './pair_parts.ts';
import { type PairTokenizers, pairIds, pairTokenizers } from './pair_tokenizers.ts';
import type { NothingRequest } from './task.ts';

/** Texts of a few tokens leave room for longer ones. */
const SHORTEST = 64;

/** A beginning whose pairs have been read on the way. */
export interface PairBeginning extends Beginning<EncoderDecoderConfig> {
  readonly made?: { readonly parts: SplitPairs; readonly tokenizers: PairTokenizers };
}

/** @throws InputError as pairParts and pairTokenizers, and for sizes that do not fit each other */
export async function pairsFromNothing(request: NothingRequest): Promise<PairBeginning> {
  const { context, settings, seed } = request;
  const chosen = sizesOf(settings);
  // Sizes that contradict each other are refused before files are read.
  refuseEncoderDecoder(encoderDecoderConfig({ ...chosen, ...NO_TOKENS, blockSize: settings.context }));
  const parts = pairParts(chosenPairs(request), settings, seed, context.out);
  const tokenizers = await pairTokenizers(request, parts);
  const blockSize = context.given.has('context') ? settings.context : contextOf(parts, tokenizers, settings.context);
  const ids = pairIds(tokenizers);
  if (chosen.tie === 'all' && tokenizers.source !== tokenizers.target)
    throw new InputError(
      '--tie: found all beside a vocabulary for each side, expected target or none: an id is another token on each side. Leave it out, or name one tokenizer for both.',
    );
  const tie = chosen.tie ?? (tokenizers.source === tokenizers.target ? 'all' : 'target');
  const config = encoderDecoderConfig({ ...chosen, ...ids, blockSize, tie });
  refuseEncoderDecoder(config);
  return {
    ...{ name: null, weights: 'trained', config, tokenizer: tokenizers.target, tokenizerDir: null, start: null },
    made: { parts, tokenizers },
  };
}

const NO_TOKENS = { vocabSize: 3, padId: 0, bosId: 1, eosId: 2 };

function sizesOf({
  encoderLayers = 2,
  decoderLayers = 2,
  width = 128,
  heads = 4,
  ffn,
  norm,
  positions,
  tie,
}: OwnSettings) {
  return {
    ...{ encoderLayers, decoderLayers, nEmbd: width, nHead: heads },
    ...(ffn && { nInner: ffn }),
    ...(norm && { norm }),
    ...(positions && { positions }),
    ...(tie && { tie }),
  };
}

/** As long as the longest text with its end, and no longer than `most`. */
function contextOf({ train, validation, test }: SplitPairs, tokenizers: PairTokenizers, most: number): number {
  let longest = 0;
  for (const part of [train, validation, test]) longest = Math.max(longest, longestOf(part, tokenizers, most));
  return Math.min(most, Math.max(SHORTEST, pairWidth(longest + 1)));
}

function longestOf(pairs: readonly Pair[], { source, target }: PairTokenizers, most: number): number {
  let longest = 0;
  for (const pair of pairs) {
    longest = Math.max(longest, source.encode(pair.source).length, target.encode(pair.target).length);
    if (longest >= most) break;
  }
  return longest;
}

/** Settings that are facts of a model. */
export function pairSizes(config: EncoderDecoderConfig): OwnSettings {
  const {
    encoderLayers,
    decoderLayers,
    nEmbd: width,
    nHead: heads,
    nInner: ffn,
    norm,
    positions,
    tie,
    vocabSize,
  } = config;
  return { encoderLayers, decoderLayers, width, heads, ffn, norm, positions, tie, vocabSize };
}
