// The data that the page brings for its lessons, made of a dictionary: definitions and what kind of thing they define, short questions
// with their answers, and answers of which one is preferred. Rows are short and of characters that the book has: a model that has
// learnt the book by characters, with room for 32 of them, can read them. The same on every machine. Pure.
import { type Meaning, readWordNet } from './wordnet.ts';

/** Kinds of things that a classifier tells apart, by the number of their field. */
const CLASSES: readonly [field: string, name: string][] = [
  ['05', 'animal'],
  ['06', 'artifact'],
  ['13', 'food'],
  ['15', 'location'],
  ['18', 'person'],
  ['20', 'plant'],
];

/** Rows of each class. */
const ROWS_OF_CLASS = 500;
/** Characters of a definition to tell apart: longer ones would lose their ends in a context of 32. */
const [SHORTEST, LONGEST] = [12, 32];
/** Rows of each of the two kinds of questions. */
const QUESTIONS = 1600;
/** Characters of a question and its answer together: a context of 32 holds them, and what stands around them. */
const ROOM = 28;

/** What Moby-Dick is written in, as far as it is ASCII and no white space but the blank. */
const OF_BOOK = /^[ !$&()*,\-.0-9:;?A-Za-z[\]]+$/;
/** Words to ask for. */
const PLAIN_WORD = /^[a-z]{3,9}$/;
/** Definitions to answer with. */
const PLAIN_TEXT = /^[a-z][a-z ,-]{3,}$/;

/** The files by their paths beside the page. @throws InputError where the dictionary's package is missing */
export function lessonData(): Map<string, Uint8Array> {
  const { meanings, notice } = readWordNet();
  const files = {
    'classify.tsv': classifyRows(meanings),
    'instruct.jsonl': jsonLines(instructRows(meanings)),
    'prefer.jsonl': jsonLines(preferRows(meanings)),
    'WORDNET-LICENSE.txt': notice,
  };
  const encoder = new TextEncoder();
  return new Map(Object.entries(files).map(([name, text]) => [`data/${name}`, encoder.encode(text)]));
}

/** `text<TAB>label` below a line with these names, the classes in turns. */
export function classifyRows(meanings: readonly Meaning[]): string {
  const seen = new Set<string>();
  const classes = CLASSES.map(([field, name]) => {
    const found = meanings.filter(({ kind, field: own, definition }) => {
      if (kind !== 'noun' || own !== field || !OF_BOOK.test(definition) || seen.has(definition)) return false;
      seen.add(definition);
      return definition.length >= SHORTEST && definition.length <= LONGEST;
    });
    return spread(found, ROWS_OF_CLASS).map(({ definition }) => `${definition}\t${name}\n`);
  });
  return `text\tlabel\n${inTurns(classes).join('')}`;
}

export interface InstructRow {
  instruction: string;
  input: string;
  output: string;
}

/** "Define X" with a short definition, and "Synonym of X" with another word, in turns. */
export function instructRows(meanings: readonly Meaning[]): InstructRow[] {
  const usual = questions(meanings).map(([first]) => first!);
  const rows = (asks: string, answer: 'definition' | 'other') => {
    const all = usual.map((each) => ({ instruction: `${asks} ${each.word}`, input: '', output: each[answer] ?? '' }));
    const fitting = all.filter(({ instruction, output }) => output && instruction.length + output.length <= ROOM);
    return spread(fitting, QUESTIONS);
  };
  return inTurns([rows('Define', 'definition'), rows('Synonym of', 'other')]);
}

export interface PreferRow {
  instruction: string;
  input: string;
  chosen: string;
  rejected: string;
}

/** Two right answers to "Define X": one word that means the same is preferred to a definition. */
export function preferRows(meanings: readonly Meaning[]): PreferRow[] {
  const rows = questions(meanings).flatMap((all) => {
    const fitting = all.flatMap(({ word, other, definition }) => {
      if (other === null || definition === null || other.length >= definition.length) return [];
      const row = { instruction: `Define ${word}`, input: '', chosen: other, rejected: definition };
      return row.instruction.length + definition.length <= ROOM ? [row] : [];
    });
    return fitting.slice(0, 1);
  });
  return spread(rows, QUESTIONS);
}

interface Question {
  word: string;
  /** Another word of the same meaning. */
  other: string | null;
  /** It does not use the word. */
  definition: string | null;
}

/** For every plain word what can be asked of it: by kind of word, its most usual meaning first. */
function questions(meanings: readonly Meaning[]): Question[][] {
  const byWord = new Map<string, { rank: number; met: number; question: Question }[]>();
  for (const { words, definition } of meanings) {
    const plain = words.filter(({ text }) => PLAIN_WORD.test(text));
    for (const { text: word, rank, met } of plain) {
      const other = plain.find(({ text }) => !akin(text, word))?.text ?? null;
      const usable = PLAIN_TEXT.test(definition) && !definition.split(/[ ,-]/).some((each) => akin(each, word));
      const question = { word, other, definition: usable ? definition : null };
      byWord.set(word, [...(byWord.get(word) ?? []), { rank, met, question }]);
    }
  }
  const words = [...byWord].sort(([a], [b]) => (a < b ? -1 : 1));
  return words.map(([, found]) =>
    found.sort((a, b) => b.met - a.met || a.rank - b.rank).map(({ question }) => question),
  );
}

/** One word is the beginning of the other, or nearly: `colour` and `colourful`. */
function akin(a: string, b: string): boolean {
  const least = Math.min(a.length, b.length);
  const same = Math.max(3, least - 1);
  return a === b || (least >= 4 && a.slice(0, same) === b.slice(0, same));
}

/** At most `most` of them, evenly over all. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!);
}

/** The first of each list, then the second of each, as long as there are any. */
function inTurns<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

const jsonLines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
