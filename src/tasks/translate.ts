// Write one text from another: translation, summaries, anything that comes in pairs.

import { RANDOM_STEP } from '../nn/dropout.ts';
import type { EncoderDecoder, PassOptions } from '../nn/encoder_decoder.ts';
import type { TableLossOptions } from '../nn/table.ts';
import type { Task } from './task.ts';

export interface TranslateTaskOptions extends TableLossOptions, PassOptions {}

/**
 * Cross-entropy of every token of the target, each predicted from the whole source and the target before it.
 * A batch is source (B,S) i32, sourceMask (B,S) f32, inputs (B,T) i32, targets (B,T) i32, -100 where there is none. See pairRows.
 */
export function translateTask({
  dropout,
  recompute,
  dtype,
  ...options
}: TranslateTaskOptions = {}): Task<EncoderDecoder> {
  return {
    loss(model, { source, sourceMask, inputs, targets }) {
      const given = { source: source!, mask: sourceMask!, ids: inputs! };
      return model.loss(model.hidden(given, { dropout, recompute, dtype }), targets!, options);
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
  };
}
