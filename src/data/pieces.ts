// Text cut into pieces as GPT-2 cuts it, and each piece turned into ids by merging: what GPT-2's own tokenizer and byte-level
// BPE of any other vocabulary share.
import { byteString } from './byte_level.ts';
import { bytePairEncode } from './merge.ts';

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

  *split(text: string): Generator<Around> {
    let from = 0;
    for (const found of this.#pattern ? text.matchAll(this.#pattern) : []) {
      yield { text: text.slice(from, found.index), special: found[0] };
      from = found.index + found[0].length;
    }
    yield { text: text.slice(from), special: null };
  }
}
