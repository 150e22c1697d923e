// Texts with tokens taken out, by chance that follows from the seed, the pass, the row and the place: every pass takes out others, and
// a run that goes on takes out those that it would have.
// Source: Devlin et al. 2018 (arXiv:1810.04805), section 3.1 and appendix A.1.
import type { Batch } from '../autograd/machine.ts';
import { elementBits, siteStream, stepKey } from '../tensor/random.ts';

/** Of the tokens that are to be guessed: the share that becomes the mask, and that which becomes any token; others stay. */
const [MASKED, EXCHANGED] = [0.8, 0.1];

export interface Masking {
  /** Share of the tokens that are to be guessed. */
  part: number;
  maskId: number;
  /** What stands behind a text that is shorter than its row; null is 0. */
  padId: number | null;
  /** Tokens of texts, in rising order: those that are guessed, and that others are exchanged for. The mask and ends of texts are none. */
  ordinary: Int32Array;
  seed: number;
}

export interface MaskRow {
  ids: Int32Array;
  /** Tells it from other rows of its pass. */
  number: number;
}

/** All ids below vocabSize but the special ones. */
export function ordinaryIds(vocabSize: number, special: Iterable<number>): Int32Array {
  const without = new Set(special);
  return Int32Array.from({ length: vocabSize }, (_, id) => id).filter((id) => !without.has(id));
}

/** Tokens that are guessed in a row of T, at most. */
export function guessedOf(T: number, part: number): number {
  return Math.max(1, Math.round(part * T));
}

/**
 * Rows as maskTask takes them: inputs (B,T), mask (B,T), places (B,K), targets (B,K) with K = guessedOf(T, part).
 * Of n tokens round(part * n) are guessed, but one at least where there is one.
 * @param T at least as long as the longest row   @param pass number of the batch: others are taken out in each
 */
export function maskBatch(rows: readonly MaskRow[], T: number, masking: Masking, pass: number): Batch {
  const { part, padId } = masking;
  const [B, K] = [rows.length, guessedOf(T, part)];
  const inputs = new Int32Array(B * T).fill(padId ?? 0);
  const mask = new Float32Array(B * T);
  const places = new Int32Array(B * K).fill(-1);
  const targets = new Int32Array(B * K).fill(-100);
  for (const [b, row] of rows.entries()) {
    const own = maskedRow(row, K, masking, pass);
    inputs.set(own.inputs, b * T);
    // Attention over nothing has no value: a row without tokens sees one column.
    mask.fill(1, b * T, b * T + Math.max(1, row.ids.length));
    for (const [k, place] of own.places.entries()) {
      places[b * K + k] = b * T + place;
      targets[b * K + k] = row.ids[place]!;
    }
  }
  return {
    inputs: { shape: [B, T], data: inputs },
    mask: { shape: [B, T], data: mask },
    places: { shape: [B, K], data: places },
    targets: { shape: [B, K], data: targets },
  };
}

/** The shapes of a batch without its values: for a plan, which asks for nothing else. */
export function plannedMaskBatch(B: number, T: number, part: number): Batch {
  const none = new Int32Array(0);
  const [all, some] = [
    { shape: [B, T], data: none },
    { shape: [B, guessedOf(T, part)], data: none },
  ];
  return { inputs: all, mask: { shape: [B, T], data: new Float32Array(0) }, places: some, targets: some };
}

// Streams of the seed, one for each thing that is drawn.
const [CHOICE, FATE, TOKEN] = [0x63686f69, 0x66617465, 0x746f6b65];

/** @param most tokens that are guessed at most   @returns the places in rising order */
function maskedRow(
  { ids, number }: MaskRow,
  most: number,
  { part, maskId, ordinary, seed }: Masking,
  pass: number,
): { inputs: Int32Array; places: number[] } {
  const [choice, fate, token] = [CHOICE, FATE, TOKEN].map((site) => stepKey(siteStream(seed, site), pass));
  const element = (place: number) => number * 2 ** 16 + place;
  const candidates: { place: number; bits: number }[] = [];
  for (const [place, id] of ids.entries())
    if (isIn(ordinary, id)) candidates.push({ place, bits: elementBits(choice!, element(place)) });
  const count = candidates.length === 0 ? 0 : Math.min(most, guessedOf(candidates.length, part));
  const places = candidates
    .sort((a, b) => a.bits - b.bits || a.place - b.place)
    .slice(0, count)
    .map(({ place }) => place)
    .sort((a, b) => a - b);
  const inputs = ids.slice();
  for (const place of places) {
    const share = elementBits(fate!, element(place)) / 2 ** 32;
    if (share < MASKED) inputs[place] = maskId;
    else if (share < MASKED + EXCHANGED)
      inputs[place] = ordinary[elementBits(token!, element(place)) % ordinary.length]!;
  }
  return { inputs, places };
}

/** @param sorted in rising order */
function isIn(sorted: Int32Array, id: number): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < id) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === id;
}
