// What the settings of a lesson may be.
import { InputError } from '../../src/index.ts';
import type { LessonSettings } from '../protocol/lessons.ts';

interface Limit {
  whole: boolean;
  /** Inclusive, but for a learning rate, which is above it. */
  min: number;
  max: number;
  expected: string;
}

const LIMITS: { readonly [K in keyof Required<LessonSettings>]: Limit } = {
  steps: { whole: true, min: 1, max: 1e6, expected: 'a whole number from 1 to 1000000' },
  batch: { whole: true, min: 1, max: 4096, expected: 'a whole number from 1 to 4096' },
  learningRate: { whole: false, min: 1e-9, max: 10, expected: 'a number above 0, at most 10' },
  context: { whole: true, min: 8, max: 1e6, expected: 'a whole number from 8 on' },
  loraR: { whole: true, min: 0, max: 1024, expected: 'a whole number from 0 to 1024' },
  dpoBeta: { whole: false, min: 1e-6, max: 100, expected: 'a number above 0, at most 100' },
  seed: { whole: true, min: 0, max: 2 ** 32 - 1, expected: 'a whole number from 0 below 2^32' },
};

/** @param blockSize the model's context   @throws InputError */
export function checkLessonSettings(settings: Partial<LessonSettings>, blockSize: number): void {
  for (const [name, { whole, min, max, expected }] of Object.entries(LIMITS)) {
    const value = settings[name as keyof LessonSettings];
    if (value === undefined) continue;
    const fits = Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (!fits) throw new InputError(`${name}: found ${value}, expected ${expected}. Correct it.`);
  }
  const { context } = settings;
  if (context !== undefined && context > blockSize)
    throw new InputError(
      `context: found ${context}, expected at most ${blockSize}, which the model has. Make it shorter.`,
    );
}
