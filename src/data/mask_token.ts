// The token that stands where another was taken out.
import type { Tokenizer } from './tokenizer.ts';

/** As it is written in texts: BERT's. */
export const MASK_TOKEN = '[MASK]';

/** Its id, or undefined where a tokenizer has none. */
export function maskIdOf(tokenizer: Tokenizer): number | undefined {
  if (!tokenizer.specialTokens?.includes(MASK_TOKEN)) return undefined;
  const ids = tokenizer.encode(MASK_TOKEN, { allowSpecial: true, continues: true });
  return ids.length === 1 ? ids[0] : undefined;
}

/**
 * The ids of a text in which masks are written; other special tokens are text.
 * A space in front of a mask is part of the token that was taken out, as tokens begin with theirs (RoBERTa's mask does the same).
 */
export function maskedIds(tokenizer: Tokenizer, text: string): number[] {
  const own = text.replaceAll(` ${MASK_TOKEN}`, MASK_TOKEN);
  const ids = tokenizer.encode(own, { allowSpecial: (from, to) => own.slice(from, to) === MASK_TOKEN });
  return [...(tokenizer.startIds ?? []), ...ids];
}
