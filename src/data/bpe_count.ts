// The first half of training a tokenizer: how often each piece (of GPT-2's pattern for a byte-level BPE, or word) occurs in texts that
// arrive in chunks. What is learned depends on these counts alone.
import { lastCut, PieceCutter } from './chunks.ts';
import { ownCopy } from './own_copy.ts';
import { PIECE, SpecialFinder } from './pieces.ts';

/** How a text is cut into what is counted. */
export interface Pieces {
  of(text: string): Iterable<string>;
  /** See Tokenizer.lastCut. */
  cut(text: string, from: number): number;
}

const GPT2_PIECES: Pieces = { of: (text) => text.match(PIECE) ?? [], cut: lastCut };

export class PieceCounter {
  /** Pieces of the texts so far and how often each occurred, certain after `endDocument`. */
  readonly counts = new Map<string, number>();
  readonly #cutter: PieceCutter;
  readonly #finder: SpecialFinder;
  readonly #pieces: Pieces;

  /** @param special texts that pieces stop at and that are not counted */
  constructor(special: readonly string[] = [], pieces: Pieces = GPT2_PIECES) {
    this.#pieces = pieces;
    this.#cutter = new PieceCutter(special, undefined, pieces.cut);
    this.#finder = new SpecialFinder(special);
  }

  /** A chunk of a document, which never ends inside a surrogate pair. @throws InputError for 16 Mi characters without a break */
  add(chunk: string): void {
    this.#count(this.#cutter.push(chunk));
  }

  /** Nothing reaches from one document into the next. */
  endDocument(): void {
    this.#count(this.#cutter.end());
  }

  #count(text: string): void {
    if (text === '') return;
    const { counts } = this;
    for (const { text: part } of this.#finder.split(text)) {
      for (const piece of this.#pieces.of(part)) {
        const before = counts.get(piece);
        counts.set(before === undefined ? ownCopy(piece) : piece, (before ?? 0) + 1);
      }
    }
  }
}
