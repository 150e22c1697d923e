// Losses that stand out: a first loss that is not what guessing costs, and the text behind one far above those before it, which the
// optimizer's gate finds (ops/gate.ts).
import type { StepResult } from './step.ts';

/** Share of ln V by which the first loss may differ from it. */
const FIRST_LOSS = 0.05;

/**
 * Whether an untrained model begins where guessing among all tokens does, at ln V: what is far from it is initialised, masked or
 * computed wrongly. For a model that was initialised here, not for one that was loaded or is gone on with.
 * @returns a sentence for people, null where all is well
 */
export function firstLossWarning(loss: number, vocabSize: number): string | null {
  const expected = Math.log(vocabSize);
  if (!Number.isFinite(loss) || Math.abs(loss - expected) <= FIRST_LOSS * expected) return null;
  const check =
    loss > expected
      ? 'A smaller --init-std brings it down'
      : 'No untrained model guesses that well: check what the text is';
  return `found a first loss of ${loss.toFixed(3)}, expected ${expected.toFixed(3)}, which guessing among ${vocabSize} tokens costs, within 5 %. ${check}; if --kernels portable begins elsewhere, a kernel is wrong on this adapter.`;
}

/** Characters of a text that are shown. */
const SHOWN = 120;

/**
 * The text behind a spike: of all rows of a step the one with the highest mean loss, as it begins.
 * @param step its batches, inputs (B,T) and perhaps targets (B,K), and the sums of their rows' losses (B), or (B/2) of pairs of rows
 * @param decode tokens to text that is safe to show
 * @returns '' where no row has a token to predict
 */
export function spikeText(
  { batches, rowLosses }: Pick<StepResult, 'batches' | 'rowLosses'>,
  decode: (ids: readonly number[]) => string,
): string {
  let [worst, text]: [number, readonly number[]] = [Number.NEGATIVE_INFINITY, []];
  for (const [i, { inputs, targets }] of batches.entries()) {
    const T = inputs!.shape[1]!;
    const losses = rowLosses[i]!;
    // Of a pair of rows with one loss the first is shown; what has one loss whatever its length is not divided by it.
    const rows = inputs!.shape[0]! / losses.length;
    for (const [number, sum] of losses.entries()) {
      const [from, to] = [number * rows * T, (number * rows + 1) * T];
      const K = targets?.shape[1] ?? 0;
      const own = targets?.data.slice(number * K, (number + 1) * K);
      const kept = own && rows === 1 ? own.filter((target: number) => target >= 0).length : 1;
      if (kept > 0 && sum / kept > worst) [worst, text] = [sum / kept, [...inputs!.data.slice(from, to)]];
    }
  }
  const characters = [...decode(text)];
  return characters.length > SHOWN ? `${characters.slice(0, SHOWN).join('')}...` : characters.join('');
}
