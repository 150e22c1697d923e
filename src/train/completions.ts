// How probable a model finds what follows a context: the mean log-probability of its tokens, so that long completions compete with
// short ones.
import type { Batch, Machine } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import type { Completion } from '../data/hellaswag.ts';
import { RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { sumTo } from '../ops/sum.ts';
import { languageBatch } from '../tasks/language.ts';
import type { Task } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';

/** Tokens a batch, about. */
const TOKENS = 4096;

export interface Score {
  /** Mean over the completion's tokens of ln p(token | all before it). */
  readonly meanLogProbability: number;
  /** Tokens that the mean is over. */
  readonly tokens: number;
  /** The beginning was cut off, for the model's context is shorter. */
  readonly cut: boolean;
}

/** A completion as a row: its last tokens, as many as the model sees, and which of them are scored. */
interface Row {
  /** Of the completion. */
  readonly index: number;
  readonly ids: readonly number[];
  readonly from: number;
  /** Columns of its batch. */
  readonly length: number;
}

/**
 * Scores completions, several a batch; those of about one length go together, so that few shapes are planned.
 * @param onScored is told after each batch how many are done
 * @returns one score a completion, in their order
 * @throws RunError for a loss that is not finite, naming the first kernel
 */
export async function scoreCompletions(
  machine: Machine,
  model: LanguageModel,
  task: Task,
  completions: readonly Completion[],
  onScored: (done: number) => void = () => {},
): Promise<Score[]> {
  const fn = (batch: Record<string, Tensor>) => {
    const { tokenLoss } = task.loss(model, batch);
    return { rowLoss: sumTo(tokenLoss, [tokenLoss.shape[0]!, 1]) };
  };
  const compiled = machine.compile(fn);
  const scores: Score[] = [];
  let done = 0;
  try {
    for (const { rows, batch } of batchesOf(completions, model.blockSize)) {
      await compiled(batch);
      const losses = (await compiled.collect())[0]!.values.rowLoss!;
      for (const [i, { index, ids, from }] of rows.entries()) {
        const tokens = ids.length - from;
        const loss = losses[i]!;
        if (!Number.isFinite(loss)) {
          const culprit = await whoMadeIt(machine, model.parameters, fn, [{ batch }]);
          throw new RunError(`evaluation: loss ${loss}, expected a finite number. ${culprit} Take another checkpoint.`);
        }
        const cut = ids.length < completions[index]!.ids.length;
        scores[index] = { meanLogProbability: -loss / tokens, tokens, cut };
      }
      onScored((done += rows.length));
    }
    return scores;
  } finally {
    compiled.release();
  }
}

function* batchesOf(completions: readonly Completion[], blockSize: number): Generator<{ rows: Row[]; batch: Batch }> {
  const rows = completions.map(({ ids, from }, index): Row => {
    const cut = Math.max(0, ids.length - blockSize - 1);
    const seen = ids.slice(cut);
    return { index, ids: seen, from: Math.max(1, from - cut), length: Math.min(bucket(seen.length - 1), blockSize) };
  });
  for (const length of [...new Set(rows.map((row) => row.length))].sort((a, b) => a - b)) {
    const alike = rows.filter((row) => row.length === length);
    const together = Math.min(alike.length, Math.max(1, Math.floor(TOKENS / length)));
    for (let at = 0; at < alike.length; at += together) {
      const some = alike.slice(at, at + together);
      yield { rows: some, batch: batchOf(some, together, length) };
    }
  }
}

/** Behind the last token stand zeros, which a causal model does not see; rows that are missing have nothing to predict. */
function batchOf(rows: readonly Row[], count: number, length: number): Batch {
  const inputs = new Int32Array(count * length);
  const targets = new Int32Array(count * length).fill(-100);
  for (const [i, { ids, from }] of rows.entries()) {
    inputs.set(ids.slice(0, -1), i * length);
    targets.set(ids.slice(from), i * length + from - 1);
  }
  return languageBatch({ inputs, targets }, length);
}

/** Which of an item's completions is the most probable by the mean of its tokens; the first of those that are equal. */
export function likeliest(scores: readonly Score[]): number {
  return scores.reduce((best, { meanLogProbability }, i) => {
    return meanLogProbability > scores[best]!.meanLogProbability ? i : best;
  }, 0);
}
