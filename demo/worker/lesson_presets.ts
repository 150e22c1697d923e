// What a lesson is where nothing else is chosen: enough steps to see it learn, at a rate that the size of the model bears.
import type { LessonTask } from '../../src/finetune/lesson.ts';
import type { FinetuneSettings } from '../../src/finetune/settings.ts';
import type { Lesson, LessonSettings, Teaching } from '../protocol/lessons.ts';
import type { BaseModel } from './base_model.ts';
import { checkLessonSettings } from './lesson_limits.ts';

/** Learning rates of a model trained whole, of up to so many parameters. Small ones were trained at such rates, large ones forget at them. */
const WHOLE: [upTo: number, rates: Record<LessonTask, number>][] = [
  // Of 28 k parameters, definitions never seen are put into six classes: 0.60 right at 5e-3, 0.51 at 1e-2.
  [1e5, { language: 2e-3, classify: 5e-3, instruct: 3e-3, prefer: 3e-4 }],
  [1e6, { language: 2e-3, classify: 3e-3, instruct: 3e-3, prefer: 3e-4 }],
  [2e7, { language: 5e-4, classify: 5e-4, instruct: 5e-4, prefer: 5e-5 }],
  [Number.POSITIVE_INFINITY, { language: 5e-5, classify: 5e-5, instruct: 5e-5, prefer: 5e-6 }],
];
/** An adapter begins at nothing, and takes so many times more. */
const ADAPTER = 5;
const STEPS: Record<Teaching, number> = { load: 300, classify: 600, instruct: 400, lora: 400, dpo: 150 };
/** Texts of a batch; of a class each has but one thing to teach. */
const BATCH: Record<LessonTask, number> = { language: 8, classify: 16, instruct: 8, prefer: 8 };

/** Settings as the engine takes them. @throws InputError for one that no lesson may have */
export function lessonSettings(asked: Lesson, base: BaseModel, task: LessonTask): Partial<FinetuneSettings> {
  const { chapter, settings } = asked;
  checkLessonSettings(settings, base.config.blockSize);
  const loraR = settings.loraR ?? (chapter === 'lora' ? 8 : 0);
  const rates = WHOLE.find(([upTo]) => base.parameters <= upTo)![1];
  const learningRate = settings.learningRate ?? Number((rates[task] * (loraR > 0 ? ADAPTER : 1)).toPrecision(2));
  const steps = settings.steps ?? STEPS[chapter];
  const often = Math.max(10, Math.ceil(steps / 10));
  return {
    steps,
    ...{ learningRate, minLearningRate: learningRate / 10, warmupSteps: Math.min(20, Math.floor(steps / 10)) },
    batch: settings.batch ?? BATCH[task],
    context: Math.min(settings.context ?? (base.parameters < 2e7 ? 256 : 128), base.config.blockSize),
    ...(loraR > 0 && { loraR, loraAlpha: 2 * loraR }),
    ...(task === 'prefer' && { dpoBeta: settings.dpoBeta ?? 0.1 }),
    ...(task === 'classify' && { testPart: 0.1 }),
    ...(task === 'instruct' && { testPart: 0 }),
    ...{ evalEvery: often, evalBatches: 8, saveEvery: base.parameters < 1e6 ? 25 : 100 },
    ...(task === 'language' || task === 'instruct' ? { sampleEvery: often } : {}),
  };
}

/** The part of them that the page shows. */
export function shownSettings(settings: FinetuneSettings, seed: number): LessonSettings {
  const { steps, batch, learningRate, context, loraR, dpoBeta } = settings;
  return { steps, batch, learningRate, context, loraR, ...(dpoBeta !== undefined && { dpoBeta }), seed };
}
