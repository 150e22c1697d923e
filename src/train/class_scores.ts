// What a classifier says of texts: the log-probability of every label.
import type { Compiled, Machine } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { RunError } from '../errors.ts';
import type { Classifier } from '../nn/classifier.ts';
import type { ClassifyRows } from '../tasks/classify_rows.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { rowBatches } from './row_batches.ts';

/** A classifier compiled to be asked again and again. */
export class ClassScorer {
  readonly #machine: Machine;
  readonly #model: Classifier;
  readonly #fn: (batch: Record<string, Tensor>) => { logits: Tensor };
  readonly #compiled: Compiled<'logits'>;

  constructor(machine: Machine, model: Classifier, dtype: Precision = 'f32') {
    this.#machine = machine;
    this.#model = model;
    this.#fn = ({ inputs, pool, mask }) => ({ logits: model.logits(inputs!, pool!, { mask, dtype }) });
    this.#compiled = machine.compile(this.#fn);
  }

  /**
   * Asks about rows, several a batch; those of about one length go together.
   * @param onScored is told after each batch how many are done
   * @returns for each row ln p of every label, in their order
   * @throws RunError for a score that is not finite, naming the first kernel
   */
  async scores(rows: ClassifyRows, onScored: (done: number) => void = () => {}): Promise<number[][]> {
    const scores: number[][] = [];
    const count = this.#model.labels.length;
    const { width } = this.#model;
    let done = 0;
    for (const { numbers, some } of rowBatches(rows.length, (i) => width ?? bucket(rows.lengthOf(i)))) {
      const { inputs, pool, mask } = rows.batch(numbers);
      const batch = { inputs: inputs!, pool: pool!, ...(mask && { mask }) };
      const { logits } = await this.#compiled(batch);
      const values = await logits.read();
      for (let i = 0; i < some; i++) {
        const own = Array.from(values.subarray(i * count, (i + 1) * count));
        const wrong = own.find((score) => !Number.isFinite(score));
        if (wrong !== undefined) {
          const culprit = await whoMadeIt(this.#machine, this.#model.parameters, this.#fn, [{ batch }]);
          throw new RunError(
            `classifier: score ${wrong}, expected a finite number. ${culprit} Take another checkpoint.`,
          );
        }
        scores[numbers[i]!] = logSoftmax(own);
      }
      onScored((done += some));
    }
    return scores;
  }

  release(): void {
    this.#compiled.release();
  }
}

/** Mean over rows of -ln p of the label that each has. */
export function meanLossOf(scores: readonly (readonly number[])[], labels: readonly number[]): number {
  return -labels.reduce((sum, label, row) => sum + scores[row]![label]!, 0) / labels.length;
}

function logSoftmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const log = most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  return scores.map((score) => score - log);
}
