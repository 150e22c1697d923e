// What a page evaluates on: not the whole validation part, which would take longer than the steps between, but pieces spread evenly
// over it, the same every time.

import { type Batch, lossBatches, rowsFor, type Stretch, spreadBatches, type TextCorpus } from '../../src/index.ts';

/** Batches of the validation part, and of the train part. */
const PIECES = { validation: 4, train: 1 };

export interface Evaluated {
  rows: number;
  validation(): Iterable<Batch>;
  train(): Iterable<Batch>;
}

export function evaluated(corpus: TextCorpus, context: number, batch: number): Evaluated {
  const { trainLength, validationLength } = corpus;
  const rows = rowsFor(validationLength, context, batch);
  const pieces = (stretch: Stretch, count: number) =>
    stretch.length <= count * rows * context + 1
      ? lossBatches(stretch, context, rows)
      : spreadBatches(stretch, context, rows, count);
  return {
    rows,
    validation: () => pieces({ length: validationLength, read: (s, n) => corpus.validation(s, n) }, PIECES.validation),
    train: () => pieces({ length: trainLength, read: (s, n) => corpus.train(s, n) }, PIECES.train),
  };
}
