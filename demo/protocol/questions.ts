// What can be asked about a run while it trains, beside it: by kind what a question says, and what its answer holds. A kind is declared
// where it belongs; here they come together.
import type { AttentionQuestions } from './attention.ts';
import type { KernelQuestions } from './kernels.ts';
import type { LensQuestions } from './lens.ts';
import type { LessonQuestions } from './lessons.ts';
import type { PartQuestions } from './parts.ts';
import type { PastQuestions } from './past.ts';
import type { TokenQuestions } from './tokens.ts';
import type { ValueQuestions } from './values.ts';

export interface Questions
  extends TokenQuestions,
    AttentionQuestions,
    LensQuestions,
    ValueQuestions,
    PartQuestions,
    KernelQuestions,
    PastQuestions,
    LessonQuestions {}

export type Kind = keyof Questions;
export type Asked<K extends Kind> = Questions[K]['asked'];
export type Answered<K extends Kind> = Questions[K]['answered'];
export type Question = { [K in Kind]: { kind: K } & Asked<K> }[Kind];
