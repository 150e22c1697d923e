// A row token by token as texts: control tokens are told from the same characters in a text, and bytes of one character stand together.
import { idOfToken } from '../data/instruct/encode.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { ShownRow } from './rows.ts';

/** Tokens that are shown together: a character may be made of several. */
export interface ShownPiece {
  /** As the tokenizer gives it. */
  readonly text: string;
  readonly trained: boolean;
  readonly control: boolean;
}

/** The tokens of a row as texts. Bytes of one character stand together, where all of them are trained on or none. */
export function shownPieces(
  { ids, trained }: Pick<ShownRow, 'ids' | 'trained'>,
  tokenizer: Tokenizer | null,
): ShownPiece[] {
  if (!tokenizer) return ids.map((id, i) => ({ text: `${id} `, trained: trained[i]!, control: false }));
  const special = new Map((tokenizer.specialTokens ?? []).map((token) => [idOfToken(tokenizer, token), token]));
  const pieces: ShownPiece[] = [];
  const add = (text: string, i: number, control = false) => {
    if (text !== '') pieces.push({ text, trained: trained[i]!, control });
  };
  let decoder = tokenizer.decoder();
  /** Something after which a text goes on, and no character is unfinished. */
  let before: number[] = [];
  const cut = (i: number) => {
    add(decoder.end(), i);
    decoder = tokenizer.decoder(before);
  };
  ids.forEach((id, i) => {
    // What no token of the vocabulary is ends a text.
    const control = special.get(id) ?? (id >= tokenizer.vocabSize ? 'end' : undefined);
    if (i > 0 && (control !== undefined || trained[i] !== trained[i - 1])) cut(i - 1);
    if (control !== undefined) add(control, i, true);
    else {
      const text = decoder.push(id);
      add(text, i);
      if (text !== '' && !tokenizer.decode([id]).includes('\ufffd')) before = [id];
    }
  });
  cut(ids.length - 1);
  return pieces;
}
