// Labelled rows in three parts: to learn from, to choose by, and to be judged by once. Duplicates go first, so that no text is on both
// sides; then classes may be made equally large; then chance, from a seed, deals the rows out.
import { InputError } from '../errors.ts';
import type { LabelledRow } from './labelled_rows.ts';
import { randomBelow } from './shuffled.ts';

export interface SplitOptions {
  /** Whole number from 0 below 2^32. */
  seed: number;
  /** Opens messages; default `split`. */
  name?: string;
  /** Whether only as many rows of each class are taken as the smallest has, by chance. Default false. */
  balance?: boolean;
  /** Shares of training and validation; the rest is the test part. Default 0.7 and 0.1. */
  train?: number;
  validation?: number;
}

export interface Split<Row> {
  readonly train: readonly Row[];
  readonly validation: readonly Row[];
  readonly test: readonly Row[];
}

export interface Distinct<Row> {
  /** The first of each text. */
  readonly rows: readonly Row[];
  /** How many were left out, and the first of them; null for none. */
  readonly dropped: number;
  readonly firstDropped: Row | null;
  /** Of those, how many have another label than the one that stays. */
  readonly contradictions: number;
  readonly firstContradiction: Row | null;
}

/** Rows without those whose text stood before, character by character the same. */
export function distinctRows<Row extends LabelledRow>(rows: readonly Row[]): Distinct<Row> {
  const labelOf = new Map<string, number>();
  const kept: Row[] = [];
  let contradictions = 0;
  let firstDropped: Row | null = null;
  let firstContradiction: Row | null = null;
  for (const row of rows) {
    const label = labelOf.get(row.text);
    if (label === undefined) {
      labelOf.set(row.text, row.label);
      kept.push(row);
      continue;
    }
    firstDropped ??= row;
    if (label === row.label) continue;
    contradictions++;
    firstContradiction ??= row;
  }
  return { rows: kept, dropped: rows.length - kept.length, firstDropped, contradictions, firstContradiction };
}

/** Sentences about what `distinctRows` left out. @param name the file */
export function distinctNotes(name: string, distinct: Distinct<LabelledRow>): string[] {
  const { dropped, firstDropped, contradictions, firstContradiction } = distinct;
  if (dropped === 0) return [];
  const rows =
    dropped === 1 ? '1 row whose text stands before it was' : `${dropped} rows whose text stands before them were`;
  const notes = [`${name}: ${rows} left out, the first is line ${firstDropped!.line}.`];
  if (contradictions > 0)
    notes.push(
      `${name}: ${contradictions} of them ${contradictions === 1 ? 'has' : 'have'} another label than the row that stays, the first is line ${firstContradiction!.line}.`,
    );
  return notes;
}

/**
 * The rows in three parts by a plain shuffle, as the classification chapter of "Build a Large Language Model" (Raschka 2024) does it:
 * 70 % training, 10 % validation, the rest test, shares rounded down.
 * @throws InputError for shares out of range, and where a part would be empty
 */
export function splitRows<Row extends LabelledRow>(
  rows: readonly Row[],
  { seed, name = 'split', balance = false, train = 0.7, validation = 0.1 }: SplitOptions,
): Split<Row> {
  if (!(train > 0 && validation >= 0 && train + validation <= 1))
    throw new InputError(
      `split: found shares of ${train} and ${validation} for training and validation, expected numbers from 0 that add up to at most 1.`,
    );
  const mixed = inChance(balance ? balanced(rows, seed) : rows, seed ^ DEAL);
  // 0.7 * 10 is 7.000000000000001 and 0.1 * 30 is 3.0000000000000004, but 0.29 * 100 is 28.999999999999996.
  const share = (part: number) => Math.floor(part * mixed.length + 1e-9);
  const [first, second] = [share(train), share(train + validation)];
  const parts = { train: mixed.slice(0, first), validation: mixed.slice(first, second), test: mixed.slice(second) };
  const wanted = { train, validation, test: 1 - train - validation };
  for (const part of ['train', 'validation', 'test'] as const)
    if (parts[part].length === 0 && wanted[part] > 1e-9)
      throw new InputError(
        `${name}: found ${mixed.length} ${mixed.length === 1 ? 'row' : 'rows'} of different texts, too few for a ${part} part of ${Math.round(100 * wanted[part])} %. Add rows.`,
      );
  return parts;
}

/** As many rows of each class as the smallest has, drawn by chance, in the order of the file. */
export function balanced<Row extends LabelledRow>(rows: readonly Row[], seed: number): Row[] {
  const byClass = new Map<number, Row[]>();
  for (const row of rows) {
    const same = byClass.get(row.label);
    if (same) same.push(row);
    else byClass.set(row.label, [row]);
  }
  const least = Math.min(...[...byClass.values()].map((same) => same.length));
  const drawn = new Set<Row>();
  for (const [label, same] of byClass)
    for (const row of inChance(same, seed ^ BALANCE, label).slice(0, least)) drawn.add(row);
  return rows.filter((row) => drawn.has(row));
}

/** How many rows have a text that is among `seen`. */
export function seenBefore(rows: readonly LabelledRow[], seen: readonly LabelledRow[]): number {
  const texts = new Set(seen.map(({ text }) => text));
  return rows.filter(({ text }) => texts.has(text)).length;
}

/** A new order, every one equally likely (Fisher and Yates). */
function inChance<Row>(rows: readonly Row[], seed: number, stream = 0): Row[] {
  const mixed = [...rows];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = randomBelow(i + 1, seed, stream, i);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

// Streams of the seed, away from those of weights, dropout and orders.
const DEAL = 0x6465616c;
const BALANCE = 0x62616c61;
