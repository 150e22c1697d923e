// Pairs that probably do not belong together, by their lengths: a text and its translation are about as long as each other, whatever
// the factor between two languages is (Gale and Church 1993, who align whole books by it).

interface Texts {
  readonly source: string;
  readonly target: string;
  readonly line: number;
}

/** Bytes that every text gets more, so that a word more or less in a short one counts little. */
const SMOOTHED = 16;
/** A pair whose factor differs so much from the usual one is strange. */
const STRANGE = 6;
/** Fewer pairs say nothing about all of them. */
const ENOUGH = 100;
/** Lengths that have so little to do with each other are of texts that do not either; those of translations have 0.8 and more. */
const UNRELATED = 0.3;
/** Lengths that differ less than this (standard deviation of their logarithms) have nothing to go by. */
const LEAST_SPREAD = 0.15;

/**
 * A sentence for each sign of pairs that are none; none for texts whose usual factor says that they are no translations, such as summaries.
 * Lengths are those in bytes, by which languages differ less than by characters.
 */
export function lengthWarnings(name: string, pairs: readonly Texts[]): string[] {
  const n = pairs.length;
  const log = (text: string) => Math.log(Buffer.byteLength(text) + SMOOTHED);
  const [sources, targets] = [new Float64Array(n), new Float64Array(n)];
  pairs.forEach(({ source, target }, i) => {
    sources[i] = log(source);
    targets[i] = log(target);
  });
  const factors = sources.map((source, i) => source - targets[i]!);
  const usual = factors.toSorted()[n >> 1]!;
  if (Math.abs(usual) > Math.log(4)) return [];
  const warnings: string[] = [];
  const strange = factors.reduce<number[]>((found, factor, i) => {
    if (Math.abs(factor - usual) > Math.log(STRANGE)) found.push(i);
    return found;
  }, []);
  if (strange.length > 0) {
    const { line, source, target } = pairs[strange[0]!]!;
    const some = strange.length === 1 ? '1 pair has' : `${strange.length} pairs have`;
    const first = strange.length === 1 ? 'it is' : 'the first is';
    warnings.push(
      `${name}: ${some} sides of very different lengths, ${first} line ${line} (${source.length} and ${target.length} characters). Look whether they belong together.`,
    );
  }
  const related = correlation(sources, targets);
  if (n >= ENOUGH && related !== null && related < UNRELATED)
    warnings.push(
      `${name}: the lengths of sources and targets have nothing to do with each other (correlation ${related.toFixed(2)}). Look whether the pairs belong together: a line too many in one file shifts all after it.`,
    );
  return warnings;
}

/** Null where one of them hardly varies. */
function correlation(a: Float64Array, b: Float64Array): number | null {
  const n = a.length;
  const mean = (list: Float64Array) => list.reduce((sum, value) => sum + value, 0) / n;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [da, db] = [a[i]! - meanA, b[i]! - meanB];
    aa += da * da;
    bb += db * db;
    ab += da * db;
  }
  return Math.min(aa, bb) < n * LEAST_SPREAD ** 2 ? null : ab / Math.sqrt(aa * bb);
}
