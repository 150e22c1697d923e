// Losses that stand out: a first loss that is not what guessing costs, and the text behind one far above those before it, which the
// optimizer's gate finds (ops/gate.ts).
import type { Batch, Machine } from '../autograd/machine.ts';
import type { LanguageModel } from '../nn/model.ts';

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

/** The row of a batch that a model finds hardest. */
export interface SpikeText {
  /** Counted from 0 through all the batches. */
  row: number;
  /** The row's own mean loss, in nats a token. */
  loss: number;
  text: string;
}

/** Characters of a text that are shown. */
const SHOWN = 120;
/** Tokens of the stretch that is looked for in a row that is longer. */
const STRETCH = 30;

/**
 * The text behind a spike: of all rows of a step's batches the one with the highest mean loss, as the model is now.
 * @param batches of languageBatch: one, or the micro-batches of a step; inputs and targets (B,T)
 * @param decode tokens to text that is safe to show
 * @returns null where no row has a token to predict
 */
export async function spikeText(
  machine: Machine,
  model: LanguageModel,
  batches: readonly Batch[],
  decode: (ids: readonly number[]) => string,
): Promise<SpikeText | null> {
  const compiled = machine.compile(({ inputs, targets }) => ({
    tokenLoss: model.loss(model.hidden(inputs!), targets!).tokenLoss,
  }));
  let worst: { row: number; loss: number; ids: Int32Array; losses: readonly number[] } | null = null;
  let before = 0;
  try {
    for (const batch of batches) {
      const { tokenLoss } = await compiled(batch);
      const values = await tokenLoss.read();
      const [inputs, targets] = [batch.inputs!, batch.targets!];
      const [B, T] = inputs.shape as [number, number];
      for (let row = 0; row < B; row++) {
        const at = (x: ArrayLike<number>) => Array.prototype.slice.call(x, row * T, (row + 1) * T) as number[];
        const kept = at(targets.data).filter((t) => t >= 0).length;
        const losses = at(values);
        const loss = losses.reduce((sum, l) => sum + l, 0) / kept;
        if (kept > 0 && loss > (worst?.loss ?? Number.NEGATIVE_INFINITY))
          worst = { row: before + row, loss, ids: Int32Array.from(at(inputs.data)), losses };
      }
      before += B;
    }
  } finally {
    compiled.release();
  }
  return worst && { row: worst.row, loss: worst.loss, text: shown(worst.ids, worst.losses, decode) };
}

/** A row's text, cut to its hardest stretch where it is long. */
function shown(ids: Int32Array, losses: readonly number[], decode: (ids: readonly number[]) => string): string {
  const whole = [...decode([...ids])];
  if (whole.length <= SHOWN) return whole.join('');
  const sums = losses.map((_, start) => losses.slice(start, start + STRETCH).reduce((a, b) => a + b, 0));
  const start = sums.indexOf(Math.max(...sums));
  const from = [...decode([...ids.subarray(start)])];
  return `${start > 0 ? '...' : ''}${from.slice(0, SHOWN).join('')}${from.length > SHOWN ? '...' : ''}`;
}
