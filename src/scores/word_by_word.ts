// What needs no network: each word of the source is replaced by the one that stands for it most often in pairs that are known. A
// translator that does not beat this knows no more than a dictionary.
// Source: IBM's Model 1, Brown et al. 1993 (Computational Linguistics 19.2), by expectation and maximisation.

/** A text and its translation. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
}

/** Rounds of expectation and maximisation: the likeliest words hardly change after five. */
const ROUNDS = 5;
/** Pairs of words that stand in one pair of texts together: that many are learned from, the first ones (some 100 MB). */
const MOST_TOGETHER = 2 ** 24;
/** Stands in every source text, for words that none of its words explains. */
const NOTHING = '';

// Letters and digits with what may join them, or one other sign.
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’.,-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]/gu;

/**
 * Learns a dictionary. Words are compared as they are written; what stands between them stays, and unknown ones are copied.
 * @returns the translation of a text, word by word
 */
export function wordByWord(pairs: Iterable<TextPair>): (source: string) => string {
  const best = learn(pairs);
  return (source) => source.replace(WORD, (word) => best.get(word) ?? word);
}

/** Texts as numbers of their words. */
interface Corpus {
  readonly sources: Int32Array[];
  readonly targets: Int32Array[];
  /** In the order of their numbers. */
  readonly sourceWords: string[];
  readonly targetWords: string[];
}

/**
 * t(target | source) for each two words that stand together somewhere. Such a pair has a number.
 */
interface Together {
  /** Pair of texts by pair of texts, for every word of the target one after the other: its pairs with all words of the source. */
  readonly numbers: Int32Array;
  /** Of each pair. Those of one source word follow each other. */
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** Of each source word the likeliest target word, of several the one that was seen first. */
function learn(pairs: Iterable<TextPair>): Map<string, string> {
  const corpus = numbered(pairs);
  const { numbers, source, target } = together(corpus);
  let probability = new Float64Array(source.length).fill(1);
  for (let round = 0; round < ROUNDS; round++) {
    const counts = countsOf(corpus, numbers, probability);
    const sums = new Float64Array(corpus.sourceWords.length);
    for (let i = 0; i < counts.length; i++) sums[source[i]!]! += counts[i]!;
    probability = counts.map((count, i) => count / sums[source[i]!]!);
  }
  const best = new Map<string, string>();
  const most = new Float64Array(corpus.sourceWords.length);
  for (let i = 0; i < probability.length; i++) {
    const from = source[i]!;
    if (probability[i]! <= most[from]!) continue;
    most[from] = probability[i]!;
    best.set(corpus.sourceWords[from]!, corpus.targetWords[target[i]!]!);
  }
  return best;
}

function numbered(pairs: Iterable<TextPair>): Corpus {
  const [sourceWords, targetWords] = [new Map([[NOTHING, 0]]), new Map<string, number>()];
  const [sources, targets]: [Int32Array[], Int32Array[]] = [[], []];
  const idsOf = (words: Iterable<string>, known: Map<string, number>) =>
    Int32Array.from(words, (word) => {
      const id = known.get(word) ?? known.size;
      known.set(word, id);
      return id;
    });
  let count = 0;
  for (const { source, target } of pairs) {
    const [from, to] = [[NOTHING, ...wordsOf(source)], wordsOf(target)];
    if ((count += from.length * to.length) > MOST_TOGETHER) break;
    sources.push(idsOf(from, sourceWords));
    targets.push(idsOf(to, targetWords));
  }
  return { sources, targets, sourceWords: [...sourceWords.keys()], targetWords: [...targetWords.keys()] };
}

/** Numbers the pairs source word by source word: which targets one has been seen with is then known without a search. */
function together({ sources, targets, sourceWords, targetWords }: Corpus): Together {
  const places: { row: number; at: number }[][] = sourceWords.map(() => []);
  const starts: number[] = [];
  let size = 0;
  sources.forEach((words, row) => {
    words.forEach((word, at) => void places[word]!.push({ row, at }));
    starts.push(size);
    size += words.length * targets[row]!.length;
  });
  const numbers = new Int32Array(size);
  const [source, target]: [number[], number[]] = [[], []];
  const seenWith = new Int32Array(targetWords.length).fill(-1);
  const numberOf = new Int32Array(targetWords.length);
  places.forEach((own, word) => {
    for (const { row, at } of own)
      targets[row]!.forEach((to, j) => {
        if (seenWith[to] !== word) {
          seenWith[to] = word;
          numberOf[to] = source.length;
          source.push(word);
          target.push(to);
        }
        numbers[starts[row]! + j * sources[row]!.length + at] = numberOf[to]!;
      });
  });
  return { numbers, source: Int32Array.from(source), target: Int32Array.from(target) };
}

/** Every word of a target text was written once: for each source word in part, as likely as it is that it caused it. */
function countsOf({ sources, targets }: Corpus, numbers: Int32Array, probability: Float64Array): Float64Array {
  const counts = new Float64Array(probability.length);
  let at = 0;
  sources.forEach(({ length }, row) => {
    for (let j = 0; j < targets[row]!.length; j++, at += length) {
      let sum = 0;
      for (let i = at; i < at + length; i++) sum += probability[numbers[i]!]!;
      for (let i = at; i < at + length; i++) counts[numbers[i]!]! += probability[numbers[i]!]! / sum;
    }
  });
  return counts;
}

function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}
