// What the TypeScript compiler says, in English and in French: a small and narrow set of pairs that a package of this project brings.
// Its places for names, {0} and {1}, stay as they are.
import { createRequire } from 'node:module';
import type { TextPair } from '../../src/scores/word_by_word.ts';

/** What the package has, as far as it is read here. */
interface Compiler {
  readonly version: string;
  readonly Diagnostics: Readonly<Record<string, { readonly key: string; readonly message: string }>>;
}

export interface MessagePairs {
  /** Of the package. */
  readonly version: string;
  /** In the order of the package, no English message twice. */
  readonly pairs: readonly TextPair[];
}

/** English messages of at most so many words, with their translations. */
export function messagePairs(mostWords: number): MessagePairs {
  const require = createRequire(import.meta.url);
  const { version, Diagnostics } = require('typescript') as Compiler;
  const french = require('typescript/lib/fr/diagnosticMessages.generated.json') as Record<string, string>;
  const pairs = new Map<string, string>();
  for (const { key, message } of Object.values(Diagnostics)) {
    const [source, target] = [message, french[key] ?? ''].map((text) => text.normalize('NFC').trim()) as [
      string,
      string,
    ];
    if (target !== '' && source.split(/\s+/).length <= mostWords && !pairs.has(source)) pairs.set(source, target);
  }
  return { version, pairs: Array.from(pairs, ([source, target]) => ({ source, target })) };
}
