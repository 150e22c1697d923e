// What a setting may be and why not more, in words for beside its field. Pure.
import { grouped } from '../../src/data/counted.ts';
import type { PageSettings, Range } from '../protocol.ts';

export type SettingName = Exclude<keyof PageSettings, 'data'>;

export interface Limit {
  /** Why there is nothing to choose; null where there is. */
  disabled: string | null;
  /** What another setting or the text allows; null where nothing but the range does. */
  reason: string | null;
  /** "a whole number from 1 to 1000". */
  range: string;
}

export interface LimitedBy {
  settings: PageSettings;
  range: Range;
  /** Longest context that the text allows; undefined before it is known. */
  longestContext: number | undefined;
}

export function limitOf(name: SettingName, { settings, range, longestContext }: LimitedBy): Limit {
  const { width, steps, learningRate, schedule } = settings;
  const reasons: Partial<Record<SettingName, string>> = {
    heads: `divides the width, ${width}`,
    warmupSteps: `at most the steps of the run, ${grouped(steps)}`,
    minLearningRate: `at most the learning rate, ${learningRate}`,
  };
  if (longestContext !== undefined) reasons.context = `at most ${grouped(longestContext)}, by the length of the text`;
  const constant = name === 'minLearningRate' && schedule === 'constant';
  return {
    disabled: constant ? 'without effect: a constant schedule never comes down to it' : null,
    reason: reasons[name] ?? null,
    range: range.choices ? `one of ${range.choices.join(', ')}` : range.expected,
  };
}
