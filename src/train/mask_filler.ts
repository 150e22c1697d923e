// What an encoder puts in where tokens were taken out of texts.
import type { Compiled, Machine } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { logitsAt } from '../tasks/mask.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { rowBatches } from './row_batches.ts';

/** A text in tokens, and where it is asked what stands there. */
export interface AskedRow {
  ids: readonly number[];
  /** At least one. */
  places: readonly number[];
}

export interface Guess {
  id: number;
  probability: number;
}

/** An encoder compiled to be asked again and again. */
export class MaskFiller {
  readonly #machine: Machine;
  readonly #model: LanguageModel;
  readonly #fn: (batch: Record<string, Tensor>) => { logits: Tensor };
  readonly #compiled: Compiled<'logits'>;

  constructor(machine: Machine, model: LanguageModel, dtype: Precision = 'f32') {
    this.#machine = machine;
    this.#model = model;
    this.#fn = (batch) => ({ logits: logitsAt(model, batch, { dtype }) });
    this.#compiled = machine.compile(this.#fn);
  }

  /** What asking about these rows at once runs, for a memory plan. */
  planned(rows: readonly AskedRow[]) {
    return { fn: this.#fn, batch: batchOf(rows, this.#model.blockSize) };
  }

  /**
   * The likeliest tokens at each place, the first ones first. Rows of about one length are asked about together.
   * @param rows none longer than the context   @param most guesses of a place
   * @throws RunError for logits that are not finite, naming the first kernel
   */
  async guesses(rows: readonly AskedRow[], most: number): Promise<Guess[][][]> {
    const found: Guess[][][] = [];
    const { vocabSize: V, blockSize } = this.#model;
    for (const { numbers, some } of rowBatches(rows.length, (i) => bucket(rows[i]!.ids.length))) {
      const asked = numbers.map((i) => rows[i]!);
      const batch = batchOf(asked, blockSize);
      const { logits } = await this.#compiled(batch);
      const values = await logits.read();
      const K = batch.places.shape[1]!;
      for (let i = 0; i < some; i++) {
        const own = asked[i]!.places.map((_, k) =>
          likeliest(values.subarray((i * K + k) * V, (i * K + k + 1) * V), most),
        );
        if (own.includes(null)) {
          const culprit = await whoMadeIt(this.#machine, this.#model.parameters, this.#fn, [{ batch }]);
          throw new RunError(`encoder: found logits that are no numbers. ${culprit} Take another checkpoint.`);
        }
        found[numbers[i]!] = own as Guess[][];
      }
    }
    return found;
  }

  release(): void {
    this.#compiled.release();
  }
}

function batchOf(rows: readonly AskedRow[], blockSize: number) {
  const B = rows.length;
  const T = Math.min(blockSize, bucket(Math.max(...rows.map(({ ids }) => ids.length))));
  const K = 2 ** Math.ceil(Math.log2(Math.max(...rows.map((row) => row.places.length))));
  const inputs = new Int32Array(B * T);
  const mask = new Float32Array(B * T);
  const places = new Int32Array(B * K).fill(-1);
  for (const [b, row] of rows.entries()) {
    inputs.set(row.ids, b * T);
    mask.fill(1, b * T, b * T + row.ids.length);
    for (const [k, place] of row.places.entries()) places[b * K + k] = b * T + place;
  }
  return {
    inputs: { shape: [B, T], data: inputs },
    mask: { shape: [B, T], data: mask },
    places: { shape: [B, K], data: places },
  };
}

/** null where a logit is no finite number. */
function likeliest(logits: ArrayLike<number>, most: number): Guess[] | null {
  const values = Array.from(logits);
  if (!values.every(Number.isFinite)) return null;
  const top = values.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  const sum = values.reduce((total, value) => total + Math.exp(value - top), 0);
  const ids = values.map((_, id) => id).sort((a, b) => values[b]! - values[a]! || a - b);
  return ids.slice(0, most).map((id) => ({ id, probability: Math.exp(values[id]! - top) / sum }));
}
