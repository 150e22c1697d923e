// predict, with an encoder that guesses tokens: what may stand where texts have a [MASK].

import { counted } from '../data/counted.ts';
import { MASK_TOKEN, maskedIds, maskIdOf } from '../data/mask_token.ts';
import { printable, quoted } from '../data/printable.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { InputError, StoppedError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import { type AskedRow, type Guess, MaskFiller } from '../train/mask_filler.ts';
import type { CommandContext } from './command.ts';
import type { Output } from './output.ts';
import type { AskedText } from './predict_texts.ts';

/** Guesses that are told of each place. */
const MOST = 5;

export interface FillingModel {
  model: LanguageModel;
  tokenizer: Tokenizer;
  dir: string;
}

/**
 * Answers texts as they come.
 * @param where they come from
 * @throws InputError for a tokenizer without a mask, a text without one or with too many tokens, naming its line
 */
export async function fillMasks(
  { out, signal }: CommandContext,
  device: Device,
  { model, tokenizer, dir }: FillingModel,
  texts: AsyncIterable<AskedText[]> | Iterable<AskedText[]>,
  where: string,
  dtype: Precision,
): Promise<void> {
  const maskId = maskIdOf(tokenizer);
  if (maskId === undefined)
    throw new InputError(
      `${dir}: found a tokenizer without ${MASK_TOKEN}, expected the one that this model was trained with. Put its files there.`,
    );
  const filler = new MaskFiller(device, model, dtype);
  try {
    for await (const some of texts) {
      const rows = some.map(({ text, line }) =>
        asked(text, tokenizer, maskId, model.blockSize, `${where}: line ${line}`),
      );
      const guesses = await filler.guesses(rows, MOST);
      if (signal.requested) throw new StoppedError();
      for (const [i, { text }] of some.entries()) answer(out, text, guesses[i]!, tokenizer);
      if (out.stdoutClosed) break;
    }
  } finally {
    filler.release();
  }
}

function asked(text: string, tokenizer: Tokenizer, maskId: number, blockSize: number, where: string): AskedRow {
  const ids = maskedIds(tokenizer, text);
  const places = [...ids.keys()].filter((place) => ids[place] === maskId);
  if (places.length === 0)
    throw new InputError(
      `${where}: found no ${MASK_TOKEN} in ${quoted(text)}, expected one for each token to be guessed. For example: Call me ${MASK_TOKEN}.`,
    );
  if (ids.length > blockSize)
    throw new InputError(
      `${where}: found a text of ${counted(ids.length, 'token')}, expected at most ${blockSize}, which the model sees. Shorten it.`,
    );
  return { ids, places };
}

/** One text's guesses, as a JSON object or a line for each mask. */
function answer(out: Output, text: string, places: readonly (readonly Guess[])[], tokenizer: Tokenizer): void {
  const masks = places.map((guesses) =>
    guesses.map(({ id, probability }) => ({ token: tokenizer.decode([id]), id, probability })),
  );
  out.emit({ text, masks });
  if (out.json) return;
  out.print(printable(text, true));
  for (const guesses of masks) {
    const told = guesses.map(({ token, probability }) => `${shown(token)} ${(100 * probability).toFixed(1)} %`);
    out.print(`  ${told.join('   ')}`);
  }
}

/** A token without the space that it begins with; one of spaces alone in quotes. */
function shown(token: string): string {
  const plain = printable(token.trim(), true);
  return plain === '' ? quoted(token) : plain;
}
