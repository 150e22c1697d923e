// How evaluate measures a language model: what is done with one that is open.
import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import type { CommandContext } from './command.ts';
import type { EvaluateFlags } from './evaluate_flags.ts';
import type { LoadedModel } from './folders.ts';

/** Measures, and says what it found. */
export type Measure = (
  context: CommandContext,
  device: Device,
  loaded: LoadedModel,
  given: EvaluateFlags,
  dtype: Precision,
) => Promise<void>;
