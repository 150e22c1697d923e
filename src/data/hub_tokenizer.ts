// Tokenizers of other projects, read from their tokenizer.json: Llama, SmolLM, Qwen and their like. The splitting and merging is
// done by Hugging Face's library (@huggingface/tokenizers, loaded when the first one is opened), from a description made here of what
// was recognised in the file. Added tokens, spaces and decoding are done here: the library would find control tokens in any text.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { InputError } from '../errors.ts';
import { BYTE_TO_CHAR, byteString, decodeBytes, fromVisible, streamBytes, unknownId } from './byte_level.ts';
import { nameOf } from './char.ts';
import type { HubParts } from './hub_tokenizer_file.ts';
import { lastSplitCut } from './hub_tokenizer_patterns.ts';
import { SPACE } from './hub_tokenizer_steps.ts';
import { isAllowed, SpecialFinder } from './pieces.ts';
import type { EncodeOptions, StreamingDecoder, Tokenizer } from './tokenizer.ts';

export class HubTokenizer implements Tokenizer {
  readonly kind = 'huggingface';
  readonly vocabSize: number;
  readonly eosId: number | null;
  readonly padId: number | null;
  readonly startIds: readonly number[];
  readonly specialTokens: readonly string[];
  readonly answerTokens: readonly string[];
  readonly plainTokens: readonly string[];
  readonly #parts: HubParts;
  readonly #files: ReadonlyMap<string, string>;
  readonly #library: Library;
  /** Bytes of the tokens that were asked for. */
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #joins: ReadonlySet<string>;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #control: ReadonlySet<string>;
  readonly #controlIds: ReadonlySet<number>;
  readonly #finder: SpecialFinder;
  /** Bytes that are no token, so that texts with them are refused. */
  readonly #missing: ReadonlySet<number>;

  private constructor(
    parts: HubParts,
    files: ReadonlyMap<string, string>,
    library: Library,
    joins: ReadonlySet<string>,
  ) {
    const { tokens, added, steps } = parts;
    const control = added.filter((token) => token.control);
    const contents = (list: typeof added) => list.map(({ content }) => content);
    this.#parts = parts;
    this.#files = files;
    this.#library = library;
    this.#joins = joins;
    this.vocabSize = tokens.length;
    this.eosId = parts.eosId;
    this.padId = parts.padId;
    this.startIds = parts.startIds;
    this.specialTokens = contents(control);
    this.answerTokens = contents(control.filter((token) => !token.special));
    this.plainTokens = contents(added.filter((token) => !token.control));
    this.#idOf = new Map(added.map(({ content, id }) => [content, id]));
    this.#control = new Set(this.specialTokens);
    this.#controlIds = new Set(control.map(({ id }) => id));
    this.#finder = new SpecialFinder(contents(added));
    const single = new Set(tokens.filter((token) => !this.#control.has(token)));
    this.#missing = new Set(
      steps.form === 'bytes' ? BYTE_TO_CHAR.flatMap((char, byte) => (single.has(char) ? [] : [byte])) : [],
    );
  }

  /**
   * @param parts as `hubParts` recognised them
   * @param files the folder's, given back as they are
   */
  static async open(parts: HubParts, files: ReadonlyMap<string, string>): Promise<HubTokenizer> {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    const joins = parts.steps.form === 'characters' ? joinsOf(parts.tokens) : new Set<string>();
    return new HubTokenizer(parts, files, new Tokenizer(description(parts, joins), {}), joins);
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    const allowed = (token: string, from: number, to: number) =>
      !this.#control.has(token) || isAllowed(options, from, to);
    let first = true;
    for (const { text: part, special } of this.#finder.split(text, allowed)) {
      if (part !== '') {
        const described = this.#prepared(part, first, options.continues ?? false);
        for (const id of this.#library.encode(described, { add_special_tokens: false }).ids) ids.push(id);
      }
      if (special !== null) ids.push(this.#idOf.get(special)!);
      first = false;
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    const text = decodeBytes(ids, (id) => this.#bytesOf(id));
    return this.#strips && text.startsWith(' ') ? text.slice(1) : text;
  }

  decoder(before: Iterable<number> = []): StreamingDecoder {
    const known = [...before];
    const inner = streamBytes((id) => this.#bytesOf(id), known);
    // Control tokens are no text: what follows them alone is a beginning.
    let begun = !this.#strips || known.some((id) => !this.#controlIds.has(id));
    return {
      push: (id) => {
        const text = inner.push(id);
        if (begun || text === '') return text;
        begun = true;
        return text.startsWith(' ') ? text.slice(1) : text;
      },
      end: () => inner.end(),
    };
  }

  lastCut(text: string, from: number): number {
    if (this.#parts.steps.form === 'bytes') return lastSplitCut(text, from);
    for (let at = text.length - 1; at >= Math.max(from, 1); at--) {
      // After an added token a new part begins, perhaps with a space put before it.
      if (isLow(text, at) || this.#parts.added.some(({ content }) => text.endsWith(content, at))) continue;
      const left = text.slice(isLow(text, at - 1) ? at - 2 : at - 1, at);
      if (!this.#joins.has(marked(left + String.fromCodePoint(text.codePointAt(at)!)))) return at;
    }
    return 0;
  }

  /** As they were read. */
  files(): Map<string, string> {
    return new Map(this.#files);
  }

  get #strips(): boolean {
    const { steps } = this.#parts;
    return steps.form === 'characters' && steps.strip;
  }

  /** The text of one part between added tokens as the library is to see it. @throws InputError for a byte that is no token */
  #prepared(part: string, first: boolean, continues: boolean): string {
    const { steps } = this.#parts;
    if (steps.form === 'bytes') {
      const text = steps.nfc ? part.normalize('NFC') : part;
      if (this.#missing.size > 0) this.#refuseMissing(text);
      return text;
    }
    const text = marked(part);
    const prefixed = first ? !continues && steps.prefix !== 'never' : steps.prefix === 'always';
    return prefixed && !(steps.prefixOnce && text.startsWith(SPACE)) ? SPACE + text : text;
  }

  #refuseMissing(text: string): void {
    let at = 0;
    for (const character of text) {
      at++;
      const bytes = byteString(character);
      for (let i = 0; i < bytes.length; i++)
        if (this.#missing.has(bytes.charCodeAt(i)))
          throw new InputError(
            `text: character ${at}: found ${nameOf(character.codePointAt(0)!)}, whose bytes are not all in the vocabulary of this tokenizer. Leave it out.`,
          );
    }
  }

  #bytesOf(id: number): Uint8Array {
    const known = this.#bytes.get(id);
    if (known) return known;
    const token = this.#parts.tokens[id];
    if (token === undefined) throw unknownId(id, this.vocabSize);
    const bytes = Uint8Array.from(bytesOfToken(token, this.#parts, this.#idOf), (unit) => unit.charCodeAt(0));
    this.#bytes.set(id, bytes);
    return bytes;
  }
}

const marked = (text: string) => text.replaceAll(' ', SPACE);
const isLow = (text: string, at: number) =>
  at > 0 && (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;

/** Bytes of a token as code units 0..255. */
function bytesOfToken(token: string, { steps }: HubParts, added: ReadonlyMap<string, number>): string {
  if (added.has(token)) return byteString(token);
  if (steps.form === 'bytes') return fromVisible(token) ?? byteString(token);
  const byte = /^<0x([\dA-F]{2})>$/.exec(token)?.[1];
  return byte === undefined ? byteString(token.replaceAll(SPACE, ' ')) : String.fromCharCode(Number.parseInt(byte, 16));
}

/** Neighbouring characters that some token holds: no merge reaches over any others. */
function joinsOf(tokens: readonly string[]): Set<string> {
  const joins = new Set<string>();
  for (const token of tokens) {
    let before = '';
    for (const character of token) {
      if (before !== '') joins.add(before + character);
      before = character;
    }
  }
  return joins;
}

/** A tokenizer.json of what was recognised, without added tokens, and without control tokens that merging could make. */
function description({ tokens, added, merges, steps, ignoreMerges }: HubParts, joins: ReadonlySet<string>): object {
  const control = new Set(added.filter((token) => token.control).map(({ content }) => content));
  const split = (pattern: string) => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  });
  // Where no token goes on into a space, words are merged apart, which the library remembers.
  const words = ![...joins].some((pair) => pair.endsWith(SPACE) && !pair.startsWith(SPACE));
  const pretokenizers =
    steps.form === 'bytes'
      ? [...steps.splits.map(split), { type: 'ByteLevel', add_prefix_space: false, use_regex: false }]
      : words
        ? [split(`${SPACE}+[^${SPACE}]*|[^${SPACE}]+`)]
        : [];
  const vocab = tokens.flatMap((token, id): [string, number][] => (control.has(token) ? [] : [[token, id]]));
  return {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      byte_fallback: steps.form === 'characters',
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
