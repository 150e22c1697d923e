// What a training run tells the world: one object an event. These are the lines of `metrics.jsonl`, of standard output under --json,
// and what the terminal and the report draw. Types only.

/** A value that JSON can carry. Numbers that JSON cannot write (NaN, Infinity) arrive as null when a line is read back. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Bytes planned on the device, by class. */
export interface MemoryBytes {
  parameters: number;
  gradients: number;
  optimizer: number;
  activations: number;
  total: number;
}

/** Before the first step, and again where a run was resumed. */
export interface StartEvent {
  event: 'start';
  /** how many numbers are trained or frozen in the model, tied ones once */
  parameters: number;
  /** how many of them are trained, where some are frozen */
  trainedParameters?: number;
  /** what a run goes on with that did not begin from nothing: the model's name, and SHA-256 of the file of its weights */
  model?: Json;
  config: Json;
  dataset: Json;
  adapter: Json;
  /** what values between layers are stored as: f32 or f16 */
  dtype?: string;
  /** Form by op. */
  kernels: Json;
  /** Where that table comes from: a word (given, stored, shipped, first, saved) and why. */
  kernelsFrom: string;
  memory: MemoryBytes;
}

/** One optimizer step. The first is 1, and its loss is the untrained model's. */
export interface StepEvent {
  event: 'step';
  step: number;
  /** nats a token, mean over the step's batch */
  loss: number;
  learningRate: number;
  /** global norm of the gradient before clipping; not finite where it overflowed and the step was skipped */
  gradNorm: number;
  /** the factor that the loss had in the backward pass, where a run computes in f16 */
  lossScale?: number;
  tokensPerSecond: number;
  /** what the task tells of the step's rows, as means: accuracy, rewardMargin */
  metrics?: Readonly<Record<string, number>>;
}

/** Both losses in nats a token; the validation loss is over the whole validation part. */
export interface EvalEvent {
  event: 'eval';
  step: number;
  trainLoss: number;
  validationLoss: number;
  /** the validation loss of the averaged weights, where a run keeps them */
  emaValidationLoss?: number;
  /** what the task tells of rows, as means over those of each part; and of the validation part what is no such mean: BLEU */
  trainMetrics?: Readonly<Record<string, number>>;
  validationMetrics?: Readonly<Record<string, number>>;
}

/** A step whose loss stands far above the ones before it. */
export interface SpikeEvent {
  event: 'spike';
  step: number;
  /** nats a token of that step */
  loss: number;
  /** how many standard deviations above the mean of the steps before */
  z: number;
  /** the weights were left as they were */
  skipped: boolean;
  /** the row of the step's batches with the highest loss, as it begins */
  text: string;
}

/** Something a person should know while the run goes on. */
export interface WarningEvent {
  event: 'warning';
  step: number;
  text: string;
}

export interface SampleEvent {
  event: 'sample';
  step: number;
  text: string;
}

/** Said once the save is complete on disk. */
export interface SaveEvent {
  event: 'save';
  step: number;
  path: string;
}

export interface EndEvent {
  event: 'end';
  step: number;
  validationLoss: number;
  /** SHA-256 (hex) over names and little-endian float32 values of all parameters */
  parameterHash: string;
  /** of a fine-tuning whose task measures them once more: loss and other figures of a part, by name */
  validation?: Json;
  test?: Json;
}

/** A step of the search for a learning rate, which writes no file. */
export interface FindRateEvent {
  event: 'find-lr';
  step: number;
  learningRate: number;
  /** nats a token; NaN at the step that ended the search by not being finite */
  loss: number;
}

/** The end of that search. */
export interface SuggestionEvent {
  event: 'suggestion';
  /** null where the losses say nothing */
  learningRate: number | null;
  /** one sentence */
  reason: string;
}

export type SearchEvent = FindRateEvent | SuggestionEvent;

export type RunEvent =
  | StartEvent
  | StepEvent
  | EvalEvent
  | SpikeEvent
  | WarningEvent
  | SampleEvent
  | SaveEvent
  | EndEvent;
