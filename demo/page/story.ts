// What the loss means at this point of the run, in one sentence, from the run's own numbers and the text's own frequencies. Pure.

import { lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import type { News } from '../protocol.ts';
import type { RunRecord } from './run_record.ts';

type Text = Pick<Extract<News, { type: 'text' }>, 'vocabSize' | 'tokenizer' | 'references'>;
type State = Pick<Extract<News, { type: 'state' }>, 'state' | 'savedStep'>;

export interface Story {
  /** How far the run has come: which line its loss is below. */
  chapter: 'untrained' | 'letters' | 'pairs' | 'done';
  sentence: string;
}

/** A smoothed loss stays below a line for so many steps before that counts: one lucky batch does not. */
const STEADY = 10;

/** null before the first loss, and where a run failed: then its error speaks. */
export function storyOf(record: RunRecord, text: Text | null, state: State | null): Story | null {
  if (!text || record.step === 0 || state?.state === 'failed') return null;
  const { references } = text;
  const pairs = crossing(record, references.pairs);
  const letters = crossing(record, references.letters);
  const one = text.tokenizer === 'byte' ? 'byte' : 'character';
  const below = pairs
    ? `Below ${lineText('letter pairs', references.pairs!)} since step ${grouped(pairs)}: it now uses more than the last ${one}.`
    : letters
      ? `Below ${lineText('letter frequencies', references.letters!)} since step ${grouped(letters)}: it uses what stands before, not only how often each ${one} occurs.`
      : untrained(record, text, one);
  if (state?.state === 'done') {
    const reached = letters || pairs ? below : stillAbove(references.letters);
    return { chapter: 'done', sentence: `${endText(record, state.savedStep)}${reached && ` ${reached}`}` };
  }
  return { chapter: pairs ? 'pairs' : letters ? 'letters' : 'untrained', sentence: below };
}

/** The first step of a steady stay below a line, or of a validation below it; 0 where there is none. */
function crossing({ steps, average, validation }: RunRecord, line: number | null): number {
  if (line === null) return 0;
  let since = 0;
  for (let i = 0, run = 0; i < steps.length && since === 0; i++) {
    const value = average[i] ?? null;
    run = value !== null && value < line ? run + 1 : 0;
    if (run === STEADY) since = steps[i - STEADY + 1]!;
  }
  const validated = validation.find(({ loss }) => loss < line)?.step ?? 0;
  return since && validated ? Math.min(since, validated) : since || validated;
}

function untrained({ steps, loss }: RunRecord, { vocabSize, references }: Text, one: string): string {
  const many = `${grouped(vocabSize)} ${one}s`;
  const guessing = `ln ${grouped(vocabSize)} = ${references.guessing.toFixed(2)}`;
  const first = steps[0] === 1 ? loss[0] : null;
  if (typeof first !== 'number') return `Guessing among ${many} costs ${guessing}.`;
  const near = Math.abs(first - references.guessing) <= 0.05 * references.guessing;
  const means = near
    ? `an untrained model guesses among ${many}`
    : `an untrained model should only guess among ${many}, and this one began elsewhere`;
  return `First loss ${lossText(first)}, beside ${guessing}: ${means}.`;
}

const stillAbove = (letters: number | null) =>
  letters === null ? '' : `The loss is still above letter frequencies, ${letters.toFixed(2)}.`;

function endText(record: RunRecord, savedStep: number): string {
  const validation = record.lastValidation === undefined ? '' : `, validation loss ${lossText(record.lastValidation)}`;
  const saved = savedStep >= record.step ? 'The run is saved.' : 'The run is not saved.';
  return `All ${grouped(record.totalSteps)} steps are done${validation}. ${saved}`;
}

const lineText = (name: string, value: number) => `${name}, ${value.toFixed(2)},`;
