// A run as everybody sees it who drives, saves, asks or shows one, whatever is trained and on what.
import type {
  AnyTrainer,
  FileContent,
  LoopOptions,
  LoopProgress,
  RunEvent,
  StartEvent,
  TokenGenerator,
  Tokenizer,
  TrainingState,
} from '../../src/index.ts';
import type { Command, Memory, ModelPart } from '../protocol.ts';
import type { Home } from './home.ts';
import type { LookedAt } from './look/look.ts';

type Request = Extract<Command, { type: 'generate' }>;

/** A model that writes, and how it is asked. */
export interface Writer {
  readonly tokenizer: Tokenizer;
  /** It is there, or is made for the first request, and given back by `rest`. */
  generator(): TokenGenerator | Promise<TokenGenerator>;
  /** A request as ids. @throws InputError for what this model cannot be asked */
  ids(request: Request): number[];
  /** What ends a text of it. */
  readonly endIds: readonly number[];
  /** Nobody asks any more. */
  rest?(): void;
}

/** Models of the shelf, which each request names: one of them at a time. */
export interface ShelfWriters {
  /** @throws InputError for a model that is not there */
  of(request: Request): Promise<Writer>;
  /** Nobody asks any more. */
  rest(): void;
}

/** By side: the model of the run, and where it began from another, that one. */
export interface Writers {
  readonly tuned: Writer;
  readonly base: Writer | null;
}

export interface AnyRun {
  readonly home: Home;
  readonly totalSteps: number;
  readonly tokensPerStep: number;
  readonly parts: { readonly trainer: AnyTrainer; readonly model: AnyTrainer['model'] };
  readonly memory: Memory;
  progress: LoopProgress;
  /** What the run has told since its first step: metrics.jsonl. */
  readonly events: RunEvent[];
  /** As it is looked into. */
  readonly looked: LookedAt;
  readonly writers: Writers;
  /** Compiles all kernels at once, so that their number is known. @param steps those of a step alone: the others when they are needed */
  prepare(steps?: boolean): Promise<void>;
  /** Brings it to a save. @param fork the settings are other ones on purpose   @throws InputError if the save is of another run */
  restore(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, saved: TrainingState, fork: boolean): Promise<void>;
  /** The files of a save, what has been told until then among them. */
  files(progress: LoopProgress): Promise<Map<string, FileContent>>;
  /** What it needs to go on and stands in no save: by names of files. */
  beside(): ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  loopOptions(own: Pick<LoopOptions, 'save' | 'stop'> & { drawn(step: number): void }): LoopOptions;
  startEvent(): StartEvent;
  /** What is measured once, when all steps are done. */
  finish?(): Promise<Pick<Extract<RunEvent, { event: 'end' }>, 'validation' | 'test'>>;
  /** The model's pieces, for the drawing of it. */
  modelParts(): ModelPart[];
  release(): void;
}

/** What is done to a run that is being made; where that fails the run holds nothing any more. */
export async function orRelease(run: Pick<AnyRun, 'release'>, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    run.release();
    throw error;
  }
}
