// An encoder that is made for its text: a vocabulary that is learned from it, with a token for what is taken out, and the sizes that
// were asked for.
import { PieceCounter } from '../../data/bpe_count.ts';
import { mergesFor } from '../../data/bpe_train.ts';
import { MASK_TOKEN, maskIdOf } from '../../data/mask_token.ts';
import { quoted } from '../../data/printable.ts';
import { DOCUMENT_END, readText } from '../../data/text_reader.ts';
import { findText } from '../../data/text_source.ts';
import { BpeTokenizer, END_OF_TEXT, type Tokenizer } from '../../data/tokenizer.ts';
import { InputError, StoppedError } from '../../errors.ts';
import type { OwnSettings } from '../../finetune/own_settings.ts';
import { type EncoderConfig, encoderConfig } from '../../nn/encoder_config.ts';
import { refuseTransformer } from '../../nn/transformer_config.ts';
import { tokenizerFor } from '../pretrain_text.ts';
import { RunShow } from '../show.ts';
import type { Beginning } from './beginning.ts';
import type { NothingRequest } from './task.ts';

const SPECIAL = [MASK_TOKEN, END_OF_TEXT];

/** @throws InputError for sizes that do not fit each other, a tokenizer without a mask, and as readText */
export async function maskFromNothing(request: NothingRequest): Promise<Beginning<EncoderConfig>> {
  const {
    encoderLayers: nLayer = 4,
    width: nEmbd = 128,
    heads: nHead = 4,
    ffn,
    norm,
    positions,
    context,
  } = request.settings;
  const sizes = {
    ...{ blockSize: context, nLayer, nEmbd, nHead },
    ...(ffn && { nInner: ffn }),
    ...(norm && { norm }),
    ...(positions && { positions }),
  };
  // Sizes that contradict each other are refused before files are read.
  refuseTransformer(encoderConfig({ ...sizes, vocabSize: 2, maskId: 0 }));
  const tokenizer = await tokenizerOf(request);
  const { vocabSize, eosId, padId = eosId } = tokenizer;
  const config = encoderConfig({ ...sizes, vocabSize, padId, maskId: maskIdOf(tokenizer)! });
  return { name: null, weights: 'trained', config, tokenizer, tokenizerDir: null, start: null };
}

/** Settings that are facts of a model. */
export function encoderSizes(config: EncoderConfig): OwnSettings {
  const { nLayer: encoderLayers, nEmbd: width, nHead: heads, nInner: ffn, norm, positions, vocabSize } = config;
  return { encoderLayers, width, heads, ffn, norm, positions, vocabSize };
}

/** The one that was named, or one that is learned from the text. @throws InputError for one without a mask */
async function tokenizerOf(request: NothingRequest): Promise<Tokenizer> {
  const { context, flags } = request;
  const { tokenizer: name } = flags;
  if (name === undefined) return learned(request);
  if (context.given.has('vocabSize'))
    throw new InputError(
      '--vocab-size: found beside a tokenizer, which has its own, expected it where one is learned. Leave one out.',
    );
  const found = await tokenizerFor(name, null, context);
  if (typeof found !== 'string' && maskIdOf(found) !== undefined) return found;
  throw new InputError(
    `--tokenizer: found ${quoted(name)}, which has no token ${MASK_TOKEN}, expected one that has. Train one: tokenizer train --special "${MASK_TOKEN}" --data FILE --out DIR; or leave the flag out, and one is learned from the text.`,
  );
}

/** How often a signal is looked for, ms. */
const TURN_MS = 200;

async function learned({ context, flags, settings }: NothingRequest): Promise<Tokenizer> {
  const { out, signal } = context;
  const { vocabSize = 4000 } = settings;
  const counter = new PieceCounter(SPECIAL);
  const show = new RunShow(out, { totalSteps: 0 });
  show.phase('learning a vocabulary');
  let turn = performance.now();
  try {
    for (const path of flags.data.length > 0 ? flags.data : [undefined]) {
      for await (const part of readText(findText(path), true, { textField: flags.textField })) {
        if (part === DOCUMENT_END) counter.endDocument();
        else counter.add(part);
        if (performance.now() - turn < TURN_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        if (signal.requested) throw new StoppedError();
        turn = performance.now();
      }
      counter.endDocument();
    }
    return BpeTokenizer.fromMerges([...mergesFor(counter.counts, { vocabSize, special: SPECIAL })], SPECIAL);
  } finally {
    show.end();
  }
}
