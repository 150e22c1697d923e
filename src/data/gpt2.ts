// GPT-2's tokenizer: text is cut into pieces by a fixed pattern, and each piece's bytes are merged pair by pair, the pair
// learned first going first (byte-pair encoding; Sennrich et al. 2016, Radford et al. 2019). The 50,256 learned tokens come
// from the package gpt-tokenizer. The merging is written here because that package's takes time quadratic in the length of
// a piece (a long run of one letter would hang) and its decoder carries unfinished bytes from one call into the next.
import { byteString, decodeBytes, streamBytes, unknownId, visible } from './byte_level.ts';
import { bytePairEncode } from './merge.ts';
import { isAllowed, PieceEncoder, SpecialFinder } from './pieces.ts';
import type { EncodeOptions, StreamingDecoder, Tokenizer } from './tokenizer.ts';
import { END_OF_TEXT, huggingFaceFiles } from './tokenizer_save.ts';

const SPECIAL = new SpecialFinder([END_OF_TEXT]);

export class Gpt2Tokenizer implements Tokenizer {
  readonly kind = 'gpt2';
  readonly vocabSize = 50257;
  readonly eosId = 50256;
  readonly specialTokens = [END_OF_TEXT];
  /** Bytes of each learned token, by id, as strings of code units 0..255. The id is also the rank of its merge. */
  readonly #tokens: readonly string[];
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #bytes: Uint8Array[];
  #files: Map<string, string> | undefined; // made once: every checkpoint asks
  readonly #pieces: PieceEncoder;

  private constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
    this.#ranks = new Map(tokens.map((token, id) => [token, id]));
    this.#pieces = new PieceEncoder(this.#ranks);
    const all = [...tokens, END_OF_TEXT];
    this.#bytes = all.map((token) => Uint8Array.from(token, (unit) => unit.charCodeAt(0)));
  }

  /** Loads the learned tokens (about 0.5 MB of code) the first time; later calls give the same tokenizer. */
  static load(): Promise<Gpt2Tokenizer> {
    loaded ??= import('gpt-tokenizer/bpeRanks/r50k_base').then(
      ({ default: table }) =>
        new Gpt2Tokenizer(table.map((t) => (typeof t === 'string' ? byteString(t) : String.fromCharCode(...t)))),
    );
    return loaded;
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    const allowed = (_: string, from: number, to: number) => isAllowed(options, from, to);
    for (const { text: part, special } of SPECIAL.split(text, allowed)) {
      this.#pieces.encode(part, ids);
      if (special !== null) ids.push(this.eosId);
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    return decodeBytes(ids, (id) => this.#bytesOf(id));
  }

  decoder(before?: Iterable<number>): StreamingDecoder {
    return streamBytes((id) => this.#bytesOf(id), before);
  }

  /** GPT-2's own vocabulary and merges, as its folder on the hub has them. */
  files(): Map<string, string> {
    this.#files ??= this.#makeFiles();
    return new Map(this.#files);
  }

  #makeFiles(): Map<string, string> {
    const merges: [string, string][] = [];
    this.#tokens.forEach((token, rank) => {
      if (token.length === 1) return;
      // The pair that made a token is what its bytes merge to while the token itself is not known yet.
      const [left, right] = bytePairEncode(token, this.#ranks, rank);
      merges.push([visible(this.#tokens[left!]!), visible(this.#tokens[right!]!)]);
    });
    const tokens = [...this.visibleTokens(), END_OF_TEXT];
    return huggingFaceFiles({ kind: 'gpt2', tokens, merges, special: [this.eosId] });
  }

  /** The learned tokens by id as vocabulary files write them, without `<|endoftext|>`. */
  visibleTokens(): string[] {
    return this.#tokens.map(visible);
  }

  #bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (!bytes) throw unknownId(id, this.vocabSize);
    return bytes;
  }
}

let loaded: Promise<Gpt2Tokenizer> | undefined;
