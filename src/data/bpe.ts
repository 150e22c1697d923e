// Byte-level byte-pair encoding of any vocabulary, such as one trained here: GPT-2's pattern and bytes, other merges (Sennrich et
// al. 2016, Radford et al. 2019). Ids are laid out as GPT-2's are, bytes, then merges, then special tokens; a file from
// elsewhere may number them in another order.
import { BYTE_TO_CHAR, byteString, decodeBytes, streamBytes, unknownId, visible } from './byte_level.ts';
import { isAllowed, PieceEncoder, SpecialFinder } from './pieces.ts';
import type { EncodeOptions, StreamingDecoder, Tokenizer } from './tokenizer.ts';
import { END_OF_TEXT, huggingFaceFiles } from './tokenizer_save.ts';

/** Two tokens that become one; bytes as code units 0..255. */
export type MergePair = readonly [left: string, right: string];

/** The 256 bytes in the order that GPT-2 numbers them: printable Latin-1 first, then all others; as code units 0..255. */
export const GPT2_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte)
  .sort((a, b) => BYTE_TO_CHAR[a]!.charCodeAt(0) - BYTE_TO_CHAR[b]!.charCodeAt(0))
  .map((byte) => String.fromCharCode(byte));

export interface BpeParts {
  /** By id: bytes as code units 0..255, and special tokens as the text they are. Holds all single bytes. */
  readonly tokens: readonly string[];
  /** In the order in which they were learned, which is that in which they are applied. No two make the same token. */
  readonly merges: readonly MergePair[];
  /** Ids of the special tokens. */
  readonly special: readonly number[];
  /** The special token that ends a document. */
  readonly eosId: number | null;
}

export class BpeTokenizer implements Tokenizer {
  readonly kind = 'bpe';
  readonly vocabSize: number;
  readonly eosId: number | null;
  readonly specialTokens: readonly string[];
  readonly #parts: BpeParts;
  readonly #bytes: Uint8Array[];
  readonly #pieces: PieceEncoder;
  readonly #idOfSpecial: ReadonlyMap<string, number>;
  readonly #finder: SpecialFinder;
  #files: Map<string, string> | undefined; // made once: every checkpoint asks

  /** From parts that `bpeFrom` checked, or that were trained. */
  constructor(parts: BpeParts) {
    const { tokens, special } = parts;
    this.#parts = parts;
    this.vocabSize = tokens.length;
    this.eosId = parts.eosId;
    this.specialTokens = special.map((id) => tokens[id]!);
    this.#idOfSpecial = new Map(special.map((id) => [tokens[id]!, id]));
    this.#finder = new SpecialFinder(this.specialTokens);
    const whole = new Set(special);
    this.#bytes = tokens.map((token, id) =>
      Uint8Array.from(whole.has(id) ? byteString(token) : token, (unit) => unit.charCodeAt(0)),
    );
    const ranked = [...GPT2_BYTES, ...parts.merges.map(([left, right]) => left + right)];
    const idOf = new Map<string, number>();
    tokens.forEach((token, id) => {
      if (!whole.has(id)) idOf.set(token, id);
    });
    const ids = ranked.map((token) => idOf.get(token)!);
    const ranks = new Map(ranked.map((token, rank) => [token, rank]));
    this.#pieces = new PieceEncoder(ranks, ids.every((id, rank) => id === rank) ? null : ids);
  }

  /**
   * The tokenizer of learned merges: 256 bytes, a token a merge, then the special tokens.
   * @param special texts, no two alike; `<|endoftext|>` among them ends documents
   */
  static fromMerges(merges: readonly MergePair[], special: readonly string[] = [END_OF_TEXT]): BpeTokenizer {
    const learned = [...GPT2_BYTES, ...merges.map(([left, right]) => left + right)];
    const eos = special.indexOf(END_OF_TEXT);
    return new BpeTokenizer({
      tokens: [...learned, ...special],
      merges,
      special: special.map((_, i) => learned.length + i),
      eosId: eos < 0 ? null : learned.length + eos,
    });
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    const allowed = (_: string, from: number, to: number) => isAllowed(options, from, to);
    for (const { text: part, special } of this.#finder.split(text, allowed)) {
      this.#pieces.encode(part, ids);
      if (special !== null) ids.push(this.#idOfSpecial.get(special)!);
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    return decodeBytes(ids, (id) => this.#bytesOf(id));
  }

  decoder(before?: Iterable<number>): StreamingDecoder {
    return streamBytes((id) => this.#bytesOf(id), before);
  }

  /** The merges in their order, as code units 0..255. */
  get merges(): readonly MergePair[] {
    return this.#parts.merges;
  }

  files(): Map<string, string> {
    this.#files ??= this.#makeFiles();
    return new Map(this.#files);
  }

  #makeFiles(): Map<string, string> {
    const { tokens, merges, special, eosId } = this.#parts;
    const whole = new Set(special);
    return huggingFaceFiles({
      kind: 'bpe',
      tokens: tokens.map((token, id) => (whole.has(id) ? token : visible(token))),
      merges: merges.map(([left, right]) => [visible(left), visible(right)]),
      special,
      eosId,
    });
  }

  #bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (!bytes) throw unknownId(id, this.vocabSize);
    return bytes;
  }
}
