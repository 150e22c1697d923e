// Encoding a text that arrives in chunks, so that the ids are those of the whole text. Characters and bytes may be cut
// anywhere; pieces of GPT-2's pattern may not, so text is held back to a place where no piece can span.
import { InputError } from '../errors.ts';
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

export interface ChunkEncoder {
  /** Ids that are certain after this chunk. Chunks never end inside a surrogate pair. */
  push(text: string): number[];
  /** Ids of what was held back. */
  end(): number[];
}

// A piece that never ends stands in memory. Words are short: this much without a break is no language.
const LONGEST_HELD = 16 * 2 ** 20;

/**
 * Passes a text on in parts, each cut where no piece of GPT-2's pattern and no special token can span, so that what is counted
 * or encoded part by part is that of the whole text.
 */
export class PieceCutter {
  readonly #special: readonly string[];
  readonly #longest: number;
  readonly #lastCut: (text: string, from: number) => number;
  #held = '';

  /** @param special tokens that are not to be cut either   @param cut where a text can be cut; default: where GPT-2's pattern allows it */
  constructor(special: readonly string[] = [], longest = LONGEST_HELD, cut = lastCut) {
    this.#special = special;
    this.#longest = longest;
    this.#lastCut = cut;
  }

  /** The text that is certain after this chunk, perhaps ''. @throws InputError for a run over `longest` characters without any place to cut */
  push(text: string): string {
    const all = this.#held + text;
    let cut = this.#lastCut(all, this.#held.length);
    while (cut > 0 && this.#insideSpecial(all, cut)) cut = this.#lastCut(all.slice(0, cut), this.#held.length);
    this.#held = all.slice(cut);
    if (this.#held.length > this.#longest) {
      throw new InputError(
        `text: found a run of ${this.#held.length} characters without a break, expected words. Use --tokenizer char or byte.`,
      );
    }
    return all.slice(0, cut);
  }

  /** What was held back. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Whether a special token stands across a position, or may once the text goes on. */
  #insideSpecial(text: string, at: number): boolean {
    return this.#special.some((token) => {
      for (let start = Math.max(0, at - token.length + 1); start < at; start++) {
        if (token.startsWith(text.slice(start, start + token.length))) return true;
      }
      return false;
    });
  }
}

/** An encoder of one text in chunks. @throws InputError for a run over `longest` characters without any place to cut */
export function chunkEncoder(
  tokenizer: Tokenizer,
  options: Omit<EncodeOptions, 'allowSpecial'> & { readonly allowSpecial?: boolean } = {},
  longest = LONGEST_HELD,
): ChunkEncoder {
  if (tokenizer.kind === 'char' || tokenizer.kind === 'byte')
    return { push: (text) => tokenizer.encode(text, options), end: () => [] };
  const whole = [...((options.allowSpecial && tokenizer.specialTokens) || []), ...(tokenizer.plainTokens ?? [])];
  const cutter = new PieceCutter(whole, longest, tokenizer.lastCut?.bind(tokenizer));
  let continues = options.continues ?? false;
  const encode = (text: string) => {
    if (text === '') return [];
    const ids = tokenizer.encode(text, { ...options, continues });
    continues = true;
    return ids;
  };
  return { push: (text) => encode(cutter.push(text)), end: () => encode(cutter.end()) };
}

/**
 * The last position at or after `from` where the text may be cut, or 0. Every piece of GPT-2's pattern is a run of one class
 * (letters, digits, others; perhaps after one space), a run of white space, or a contraction, which ends in a letter, and
 * looks ahead only from white space. So nothing spans the end of a run of non-space before white space, nor the end of a run
 * of letters or digits. The bar is left out because `<|endoftext|>` has one after its letters.
 */
export function lastCut(text: string, from: number): number {
  for (let at = text.length - 1; at >= Math.max(from, 1); at--) {
    const right = classAt(text, at);
    if (right === 'half') continue;
    const pair = at >= 2 && classAt(text, at - 1) === 'half';
    const left = classAt(text, pair ? at - 2 : at - 1);
    if (left === right) continue;
    if (right === 'space' || ((left === 'letter' || left === 'digit') && text[at] !== '|')) return at;
  }
  return 0;
}

/** Class of the character at a position in GPT-2's pattern; 'half' for the second half of a surrogate pair. */
function classAt(text: string, at: number): 'space' | 'letter' | 'digit' | 'other' | 'half' {
  const unit = text.charCodeAt(at);
  if (unit >= 0xdc00 && unit < 0xe000 && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) return 'half';
  const character = String.fromCodePoint(text.codePointAt(at)!);
  if (/\p{White_Space}/u.test(character)) return 'space';
  if (/\p{L}/u.test(character)) return 'letter';
  return /\p{N}/u.test(character) ? 'digit' : 'other';
}
