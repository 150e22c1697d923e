// Which pairs are trained on, and which are kept back. All pairs of one source text go to one part, so that nobody is asked what was
// learned; which part, a hash of the text and the seed says, so that neither the order of the file nor a few more rows change much.
import { InputError } from '../../errors.ts';
import { elementBits, stepKey } from '../../tensor/random.ts';
import type { Pair } from './read_pairs.ts';

export interface PairParts<P> {
  readonly train: readonly P[];
  readonly validation: readonly P[];
  readonly test: readonly P[];
}

export interface SplitPairsOptions {
  /** Shares of all pairs; 0 for none. They are rounded down to whole sources. */
  readonly validationPart: number;
  readonly testPart: number;
  /** Whole number from 0 below 2^32. */
  readonly seed: number;
  /** Opens messages: the file. */
  readonly name: string;
}

/**
 * The pairs in three parts, each in the order of the file.
 * @throws InputError for shares out of range, and where a part that was asked for would be empty
 */
export function splitPairs<P extends Pick<Pair, 'source'>>(
  pairs: readonly P[],
  { validationPart, testPart, seed, name }: SplitPairsOptions,
): PairParts<P> {
  if (!(validationPart >= 0 && testPart >= 0 && validationPart + testPart < 1))
    throw new InputError(
      `${name}: found parts of ${validationPart} to validate and ${testPart} to test, expected numbers from 0 that add up to less than 1.`,
    );
  const bySource = new Map<string, number[]>();
  pairs.forEach(({ source }, i) => {
    const same = bySource.get(source);
    if (same) same.push(i);
    else bySource.set(source, [i]);
  });
  const key = stepKey(seed ^ PARTS, 0);
  const groups = Array.from(bySource, ([source, rows]) => ({ rows, first: rows[0]!, at: hashOf(source, key) }));
  groups.sort((a, b) => a.at - b.at || a.first - b.first);
  // 0.1 * 30 is a little more than 3 in binary fractions, and others are a little less than they should be.
  const [tests, validations] = [testPart, validationPart].map((part) => Math.floor(part * pairs.length + 1e-9)) as [
    number,
    number,
  ];
  const partOf = new Uint8Array(pairs.length);
  const counts = [0, 0, 0];
  for (const { rows } of groups) {
    const fits = (part: number, most: number) => counts[part]! + rows.length <= most;
    const part = fits(TEST, tests) ? TEST : fits(VALIDATION, validations) ? VALIDATION : TRAIN;
    counts[part]! += rows.length;
    for (const row of rows) partOf[row] = part;
  }
  for (const [part, share, of] of [
    [TRAIN, 1, 'train on'],
    [VALIDATION, validationPart, 'validate on'],
    [TEST, testPart, 'test'],
  ] as const)
    if (share > 0 && counts[part] === 0)
      throw new InputError(
        `${name}: found ${counted(pairs.length, 'pair')} of ${counted(bySource.size, 'different source')}, of which none is left to ${of} ` +
          `at a validation part of ${validationPart} and a test part of ${testPart}. Use more pairs or other parts.`,
      );
  const chosen = (part: number) => pairs.filter((_, i) => partOf[i] === part);
  return { train: chosen(TRAIN), validation: chosen(VALIDATION), test: chosen(TEST) };
}

const [TRAIN, VALIDATION, TEST] = [0, 1, 2] as const;

const counted = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;

/** 32 bits of a text (FNV-1a over its code units), mixed with the seed. */
function hashOf(text: string, key: ReturnType<typeof stepKey>): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return elementBits(key, hash >>> 0);
}

/** A stream of the seed, away from those of weights, dropout and orders. */
const PARTS = 0x70616972;
