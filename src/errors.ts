// The two errors that people are meant to read, and the end that somebody asked for. Everything else that is thrown is a defect of ours.

/**
 * Something handed to us cannot be used: a flag, a file, a shape, a model that does not fit. Nothing has begun or been written.
 * The message is one sentence or two: where, what was found, what was expected, what to do. The command line exits with 2.
 */
export class InputError extends Error {
  override name = 'InputError';
}

/** A size that no adapter can hold or dispatch: smaller settings help. */
export class SizeError extends InputError {}

/**
 * A run failed after it began: non-finite loss, full disk, lost device. The last good checkpoint is kept.
 * The message says what happened, at which step, and what to do. The command line exits with 1.
 */
export class RunError extends Error {
  override name = 'RunError';
}

/** The GPU device is gone: nothing on it comes back, and a run goes on from its last save on another one. */
export class DeviceLostError extends RunError {}

/** A loss or a gradient that is not a finite number ended it. */
export class NotFiniteError extends RunError {}

/** Thrown out of a job that ends early because it was asked to. The command line leaves with the signal's exit code. */
export class StoppedError extends Error {
  override name = 'StoppedError';
}
