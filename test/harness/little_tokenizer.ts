// A tokenizer small enough to write its ids by hand: words of a list, the longest that fits first.
import { SpecialFinder } from '../../src/data/pieces.ts';
import type { EncodeOptions, Tokenizer } from '../../src/data/tokenizer.ts';
import { InputError } from '../../src/errors.ts';

/** @param special are ids behind the words; the first of them ends a text */
export function littleTokenizer(words: readonly string[], special: readonly string[] = []): Tokenizer {
  const tokens = [...words, ...special];
  const longest = [...words].sort((a, b) => b.length - a.length);
  const finder = new SpecialFinder(special);
  const plain = (text: string): number[] => {
    if (text === '') return [];
    const word = longest.find((each) => text.startsWith(each));
    if (!word) throw new InputError(`text: found ${JSON.stringify(text.slice(0, 5))}, which is no word.`);
    return [words.indexOf(word), ...plain(text.slice(word.length))];
  };
  const decode = (ids: Iterable<number>) => Array.from(ids, (id) => tokens[id]!).join('');
  return {
    kind: 'bpe',
    vocabSize: tokens.length,
    eosId: special.length > 0 ? words.length : null,
    specialTokens: special,
    encode(text: string, { allowSpecial = false }: EncodeOptions = {}) {
      const allowed = (_: string, from: number, to: number) =>
        typeof allowSpecial === 'function' ? allowSpecial(from, to) : allowSpecial;
      return [...finder.split(text, allowed)].flatMap((part) => [
        ...plain(part.text),
        ...(part.special === null ? [] : [words.length + special.indexOf(part.special)]),
      ]);
    },
    decode,
    decoder: () => ({ push: (id: number) => decode([id]), end: () => '' }),
    files: () => new Map(),
  };
}
