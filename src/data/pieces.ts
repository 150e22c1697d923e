// Text cut into pieces as GPT-2 cuts it, and each piece turned into ids by merging: what GPT-2's own tokenizer and byte-level
// BPE of any other vocabulary share.
import { byteString } from './byte_level.ts';
import { bytePairEncode } from './merge.ts';
import type { EncodeOptions } from './tokenizer.ts';

/**
 * GPT-2's pattern (Radford et al. 2019, encoder.py) with Unicode's white space spelled out: JavaScript's \s differs from it in
 * U+0085 and U+FEFF. Merges never reach from one piece into the next.
 */
export const PIECE =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const CACHED_PIECES = 1 << 16;
const CACHED_LENGTH = 64;

/** Pieces to ids, remembering short pieces. */
export class PieceEncoder {
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #idOfRank: ArrayLike<number> | null;
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * @param ranks bytes of each token -> rank of the merge that makes it; single bytes rank before all others
   * @param idOfRank ids where they are not the ranks
   */
  constructor(ranks: ReadonlyMap<string, number>, idOfRank: ArrayLike<number> | null = null) {
    this.#ranks = ranks;
    this.#idOfRank = idOfRank;
  }

  /** Appends the ids of a text without special tokens. */
  encode(text: string, ids: number[]): void {
    for (const [piece] of text.matchAll(PIECE)) for (const id of this.#idsOf(piece)) ids.push(id);
  }

  #idsOf(piece: string): readonly number[] {
    const known = this.#cache.get(piece);
    if (known) return known;
    const ranks = bytePairEncode(byteString(piece), this.#ranks);
    const ids = this.#idOfRank ? ranks.map((rank) => this.#idOfRank![rank]!) : ranks;
    if (piece.length <= CACHED_LENGTH) {
      if (this.#cache.size >= CACHED_PIECES) this.#cache.clear();
      this.#cache.set(piece, ids);
    }
    return ids;
  }
}

/** A text around its special tokens. */
export interface Around {
  readonly text: string;
  /** The special token that follows; null at the end. */
  readonly special: string | null;
}

/** Finds special tokens in texts: the leftmost first, of several at one place the longest. */
export class SpecialFinder {
  readonly #pattern: RegExp | null;

  constructor(special: readonly string[]) {
    const longestFirst = [...special].sort((a, b) => b.length - a.length);
    const escaped = longestFirst.map((token) => token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.#pattern = special.length > 0 ? new RegExp(escaped.join('|'), 'gu') : null;
  }

  /** @param allowed whether a token found from one position up to another counts; default: all do */
  *split(text: string, allowed?: (token: string, from: number, to: number) => boolean): Generator<Around> {
    let from = 0;
    let at = 0;
    for (;;) {
      const found = this.#next(text, at);
      if (!found) break;
      const { 0: token, index } = found;
      const to = index + token.length;
      if (allowed && !allowed(token, index, to)) {
        at = index + (text.codePointAt(index)! > 0xffff ? 2 : 1);
        continue;
      }
      yield { text: text.slice(from, index), special: token };
      from = to;
      at = to;
    }
    yield { text: text.slice(from), special: null };
  }

  #next(text: string, at: number): RegExpExecArray | null {
    if (!this.#pattern) return null;
    this.#pattern.lastIndex = at;
    return this.#pattern.exec(text);
  }
}

/** Whether a special token may stand in a text from one position up to another, as `allowSpecial` says. */
export function isAllowed({ allowSpecial = false }: EncodeOptions, from: number, to: number): boolean {
  return typeof allowSpecial === 'function' ? allowSpecial(from, to) : allowSpecial;
}
