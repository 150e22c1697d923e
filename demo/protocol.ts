// What the page and its worker say to each other: plain data both ways. The page sends a Command, the worker answers with News
// whenever there is some, not one for one.

import type { MemoryBytes, PretrainSettings, RunEvent } from '../src/index.ts';
import type { Lesson, LessonRun, PreparedLesson, ShelfId, ShelfModel } from './protocol/lessons.ts';
import type { Fork } from './protocol/past.ts';
import type { Answered, Kind, Question } from './protocol/questions.ts';

/** What a visitor can set, and what a link carries. */
export interface PageSettings
  extends Pick<
    PretrainSettings,
    | 'layers'
    | 'heads'
    | 'width'
    | 'context'
    | 'batch'
    | 'steps'
    | 'learningRate'
    | 'minLearningRate'
    | 'warmupSteps'
    | 'schedule'
    | 'weightDecay'
    | 'dropout'
  > {
  /** Whole number from 0 below 2^32: of weights, windows and dropout. */
  seed: number;
  /** Which text: `moby-dick`, or the first 12 hex digits of the SHA-256 of the visitor's own. A link names a text, it carries none. */
  data: string;
}

/** A text of the visitor's own. */
export interface OwnText {
  /** Its file name, or what stands for it. */
  name: string;
  text: string;
}

/** One file of a run folder; `path` has no folder above it in it: `step-000200/config.json`. */
export interface RunFile {
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export type Command =
  /**
   * First of all, once (again only as the command of an offer).
   * @param search the page's location.search
   * @param hidden whether the tab is hidden: then the run waits for `go`
   * @param saving false: trains although another tab owns the saved runs, and saves nothing. Default true
   * @param cpu the twin computes, although there was a GPU
   */
  | { type: 'open'; search: string; hidden: boolean; saving?: boolean; cpu?: boolean }
  /** Goes on after a pause, a stop, or where the run waits for a click. */
  | {
      type: 'go';
      /** On the CPU twin from now on, where there is no GPU any more. */
      cpu?: boolean;
    }
  /** Holds after the step that is being made, and saves. */
  | { type: 'pause' }
  /** One step, then holds again. */
  | { type: 'step' }
  /** Destroys the GPU device in the midst of a step: the run then goes on from its last save by itself, as after any loss. */
  | { type: 'unplug' }
  /** Ends the run. `keep`: saved, and `go` goes on with it. Otherwise it is thrown away with all that was saved of it. */
  | { type: 'stop'; keep: boolean }
  /**
   * A new run, whatever runs now.
   * @param text the visitor's own; left out: the text that is open if `settings.data` is its, else the book
   * @param fromSave begins at the last save of the present run instead of nothing; only for settings that leave the model as it is
   */
  | { type: 'start'; settings: PageSettings; text?: OwnText; fromSave?: boolean }
  /**
   * A run of its own that goes on from a step of the present one, which stays saved: trained again until there, so that both are one to
   * the last bit. Only for settings that leave model and batches as they are. Answered by `forked`, after its `ready`.
   */
  | { type: 'fork'; step: number; settings: PageSettings }
  /** Answered by `token` after `token`, then `generated`. Works at any time after `ready`; while it trains between two steps. */
  | {
      type: 'generate';
      id: number;
      prompt: string;
      /** 0 takes the most probable token. */
      temperature: number;
      /** 0 for all tokens. */
      topK: number;
      maxNewTokens: number;
      /**
       * Who writes: the model of the run (default), the one that a lesson began from, or one of the shelf. They write at the same time, in
       * turns.
       * A conversation instead of a prompt, the visitor's words first, is put in the model's own form, where it has one.
       */
      side?: 'base' | 'tuned' | ShelfId;
      messages?: readonly { role: 'user' | 'assistant'; content: string }[];
    }
  /** One text into another language, by the page's own small model. Answered as `generate`, at its end by `translated`. */
  | { type: 'translate'; id: number; text: string }
  /**
   * A look inside the run, between two of its steps or while it holds; its numbers stay as they are. Answered by `answered`.
   * @param step the step that is looked at; null for the newest
   */
  | { type: 'ask'; id: number; step: number | null; question: Question }
  /** Nobody looks inside any more: what was made for it is given back. */
  | { type: 'rest' }
  /** What was asked of `generate`, `translate` or `ask`. */
  | { type: 'cancel'; id: number }
  /**
   * Answered by `exported`: the run as it was last saved (default), which the command line goes on with; the model as a folder that
   * Hugging Face's tools load; or the adapter alone, for PEFT.
   */
  | { type: 'export'; what?: 'run' | 'model' | 'adapter' }
  /** A model to go on with: a Hugging Face folder or a run folder, its files or one .zip. Answered by `shelf`. The run goes on. */
  | { type: 'load'; name: string; files: RunFile[] }
  /** What a lesson would be; nothing is trained. Answered by `prepared`. A newer one takes the place of an older. */
  | { type: 'prepare'; id: number; lesson: Lesson }
  /** Begins it, in place of the present run, which stays saved. */
  | { type: 'teach'; lesson: Lesson }
  /** Ends a lesson, and goes on with the run of the first chapter from its last save. */
  | { type: 'back' }
  /** A run folder: its files, or the one .zip that `export` gave. Replaces the present run, which stays saved. */
  | { type: 'import'; files: RunFile[] }
  /**
   * "Does my GPU train correctly?": kernels forward and backward and a whole training run against reference values, answered by a
   * `checked` each and a `verdict`. The run holds meanwhile.
   */
  | { type: 'check' };

/** Mean losses in nats a token that words can be put to; null where the vocabulary is too large for a table. */
export interface References {
  /** ln V: guessing among all tokens. */
  guessing: number;
  /** By how often each token occurs. */
  letters: number | null;
  /** The same, knowing the token before. */
  pairs: number | null;
}

/** One piece of the model, for the drawing of it. */
export interface ModelPart {
  /** Hugging Face's name: `transformer.h.0.attn.c_attn.weight`. */
  name: string;
  shape: readonly number[];
  bytes: number;
}

/** Bytes by class as the run planned or holds them. `exact` is false for the twin, whose values within a step are not counted. */
export interface Memory extends MemoryBytes {
  exact: boolean;
}

/** What a setting may be, and why not more: for the form. The same ranges as the command line's flags. */
export interface Range {
  min?: number;
  max?: number;
  /** Exclusive. */
  above?: number;
  below?: number;
  whole: boolean;
  choices?: readonly string[];
  /** In words: "a whole number from 1 to 1000". */
  expected: string;
}

/** Why a run waits whose tab nobody has seen yet: the page sends `go` when somebody looks. */
export const TAB_HIDDEN = 'The tab was hidden.';

export type RunState = 'waiting' | 'training' | 'paused' | 'done' | 'stopped' | 'failed';

/** A way out of an error: what a button says, and what it sends. */
export interface Offer {
  label: string;
  command: Command;
}

/** A kernel, or a whole training run, against its reference values. */
export interface CheckedCase {
  /** `matmul/nn_64x80x48`, `trace gpt2`. */
  name: string;
  /** null where it cannot be run here. */
  ok: boolean | null;
  /** The largest error over what is allowed: 1 is the limit. null where nothing could be compared. */
  worst: number | null;
  /** Where that is, or why it was not run. */
  detail: string;
}

/** How each token of a translation, and its end, looked at the tokens of its source and their end. */
export interface AlignmentMaps {
  /** Tokens as text, '' for the end. */
  source: readonly string[];
  target: readonly string[];
  /** The mean over all heads first, then each head. A row for each token of the target; its numbers' sum is 1. */
  maps: readonly { name: string; rows: readonly (readonly number[])[] }[];
}

export type News =
  /** What is being done: "reading the text", "compiling kernel", "validating". `done` of `total` where it can be counted. */
  | { type: 'phase'; text: string; done?: number; total?: number }
  | {
      type: 'adapter';
      name: string;
      software: boolean;
      /** Measured in a moment before the first run; null for the twin and where a saved run says all that is needed. */
      gflops: number | null;
      /** Why there is no GPU and the CPU twin runs instead: one sentence. null where there is a GPU. */
      twin: string | null;
      /** Limits, features and kernels, a line each, for the panel behind the adapter's name. */
      lines: string[];
    }
  | {
      type: 'text';
      name: string;
      /** As `PageSettings.data`. */
      data: string;
      characters: number;
      tokens: number;
      vocabSize: number;
      /** `char`, or `byte` where a text has too many different characters. */
      tokenizer: string;
      /** The first tokens, each as its text. */
      head: string[];
      references: References;
      /** How large a run fits this text. */
      fits: { longestContext: number; sentence: string };
    }
  | {
      type: 'ready';
      settings: PageSettings;
      /** What the page would have chosen without a link, for the reset marks. */
      defaults: PageSettings;
      ranges: Record<keyof PageSettings, Range>;
      parameters: number;
      memory: Memory;
      /** About how long the whole run takes here; what is left of it follows from the steps. */
      secondsForecast: number;
      parts: ModelPart[];
      /** What the link said that was left out, a sentence each. */
      notes: string[];
      totalSteps: number;
      /** The step that a saved run goes on from; 0 for a new one. Its events until there follow in `history`. */
      resumedAt: number;
      /** What the samples begin with. */
      prompt: string;
      /** These settings as a link's query: `?layers=2&...`. */
      link: string;
      /** Left out where a model learns a text from nothing. */
      lesson?: LessonRun;
      /** It goes on from a step of the run before, whose curve stays. */
      forked?: boolean;
    }
  | { type: 'forked'; fork: Fork }
  /** The models that there are to go on with; told again when one comes or changes. */
  | { type: 'shelf'; models: ShelfModel[] }
  | { type: 'prepared'; id: number; prepared: PreparedLesson | null; error: string | null }
  /** Events of a resumed run that were saved with it, in their order. */
  | { type: 'history'; events: RunEvent[] }
  | { type: 'event'; event: RunEvent }
  | {
      type: 'state';
      state: RunState;
      /** Why a run waits for `go`; null otherwise. */
      waitsBecause: string | null;
      /** 0 where nothing has been saved yet. At the first other number the page asks for storage that stays (`persist`), which only it can. */
      savedStep: number;
      /** Milliseconds since 1970; null where nothing has been saved. */
      savedAt: number | null;
    }
  /**
   * What the run really took so far, beside the forecast: at most once a second, and where it holds. `seconds` of `steps` made since
   * the page was opened.
   */
  | { type: 'measured'; bytes: number; seconds: number; steps: number }
  | { type: 'token'; id: number; text: string }
  /** `text` is all of it, prompt left out. `cancelled` also where another run took its place; `error` for a prompt that cannot be used. */
  | { type: 'generated'; id: number; text: string; cancelled: boolean; error: string | null }
  /** `text` is all of it; `alignment` is null where it was cancelled; `error` for a text that cannot be translated. */
  | {
      type: 'translated';
      id: number;
      text: string;
      cancelled: boolean;
      error: string | null;
      alignment: AlignmentMaps | null;
    }
  /** `answer` is null where it was cancelled, and with `error` for what cannot be looked at. `step` is the one that was looked at. */
  | {
      type: 'answered';
      id: number;
      step: number;
      answer: Answered<Kind> | null;
      error: string | null;
    }
  /** One .zip with the run folder in it. */
  | { type: 'exported'; name: string; bytes: Uint8Array<ArrayBuffer> }
  /** One case of a `check`, `done` of `total`. */
  | { type: 'checked'; done: number; total: number; case: CheckedCase }
  /** The end of a `check`; `report` is all of it as text, to be copied. */
  | { type: 'verdict'; passed: number; failed: number; skipped: number; report: string }
  /** `until`: it is over as soon as there is an adapter. `look`: the step that ended the run can be looked into, by its first number that is none. */
  | { type: 'error'; sentence: string; offers: Offer[]; until?: 'adapter'; look?: boolean }
  /**
   * The GPU device was lost after `step`, and the run is there again on another one, `ms` later, as it was saved after `from`: the steps
   * between are repeated.
   */
  | { type: 'lost'; step: number; from: number; ms: number; sentence: string }
  /** The receipt of the run that is done: a link that repeats it; or why it has none. */
  | { type: 'receipt'; link: string | null; reason: string | null }
  /** How a run stands beside the receipt that its link carries. */
  | { type: 'replay'; verdict: 'running' | 'same' | 'parts' | 'inside' | 'outside' | 'different'; sentence: string };
