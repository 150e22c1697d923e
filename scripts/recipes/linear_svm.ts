// A linear support vector machine on words and pairs of words: what short texts are usually classified with, to compare with.
import type { LabelledRow } from '../../src/data/labelled_rows.ts';
import type { TextClassifier } from '../../src/data/naive_bayes.ts';
import { randomBelow } from '../../src/data/shuffled.ts';
import { lowercase, wordsOf } from '../../src/data/words.ts';

const PASSES = 60;

/**
 * Of two classes, with the hinge loss and C = 1, by dual coordinate descent (Hsieh et al. 2008, algorithm 1). A text is the set of
 * its words and pairs, weighted by how rare they are (tf-idf with presence for frequency), of length 1.
 */
export function linearSvm(rows: readonly LabelledRow[], seed: number): TextClassifier {
  const holders = new Map<string, number>();
  for (const { text } of rows)
    for (const feature of featuresOf(text)) holders.set(feature, (holders.get(feature) ?? 0) + 1);
  const numbers = new Map([...holders.keys()].map((feature, i) => [feature, i]));
  const rarity = Array.from(holders.values(), (n) => Math.log((1 + rows.length) / (1 + n)) + 1);
  const vectorOf = (text: string) => {
    const known = [...featuresOf(text)].flatMap((feature) => numbers.get(feature) ?? []);
    const length = Math.hypot(...known.map((i) => rarity[i]!)) || 1;
    return known.map((i) => [i, rarity[i]! / length] as const);
  };
  const texts = rows.map(({ text, label }) => ({ x: vectorOf(text), y: label === 1 ? 1 : -1, alpha: 0 }));
  const weights = new Float64Array(numbers.size);
  let bias = 0;
  const score = (x: ReturnType<typeof vectorOf>) => x.reduce((sum, [i, value]) => sum + value * weights[i]!, bias);
  for (let pass = 0; pass < PASSES; pass++)
    for (let k = 0; k < texts.length; k++) {
      const text = texts[randomBelow(texts.length, seed, pass, k)]!;
      const { x, y, alpha } = text;
      // |x|^2 + 1 for the bias is 2.
      text.alpha = Math.min(1, Math.max(0, alpha - (y * score(x) - 1) / 2));
      const change = (text.alpha - alpha) * y;
      if (change === 0) continue;
      for (const [i, value] of x) weights[i]! += change * value;
      bias += change;
    }
  return (text) => (score(vectorOf(text)) > 0 ? 1 : 0);
}

function featuresOf(text: string): Set<string> {
  const words = wordsOf(lowercase(text));
  return new Set([...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)]);
}
