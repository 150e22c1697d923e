// What is told of a lesson when it is there: as of every run, with what its own chapter shows.
import { ranges, writeLink } from '../link.ts';
import type { News, PageSettings } from '../protocol.ts';
import { preparedOf } from './lesson_prepared.ts';
import type { LessonRun } from './lesson_run.ts';
import type { Stage } from './stage.ts';

export function lessonReady(
  run: LessonRun,
  { homes, page }: Pick<Stage, 'homes' | 'page'>,
  { seconds, notes }: { seconds: number; notes: string[] },
): News {
  const defaults = homes.defaults();
  // The link stays that of the run of the first chapter: none carries a model.
  const first = page ?? defaults;
  return {
    type: 'ready',
    settings: settingsOf(run, first),
    defaults,
    ranges,
    parameters: run.startEvent().parameters,
    memory: run.memory,
    secondsForecast: seconds,
    parts: run.modelParts(),
    notes,
    totalSteps: run.totalSteps,
    resumedAt: run.progress.step,
    prompt: '',
    link: writeLink(first),
    lesson: run.told(preparedOf(run)),
  };
}

/** Those of every run, as this one has them. */
function settingsOf({ made, spec }: LessonRun, first: PageSettings): PageSettings {
  const { nLayer: layers, nHead: heads, nEmbd: width } = made.language.config;
  const { context, batch, steps, learningRate, minLearningRate, warmupSteps } = spec.engine.settings;
  const { schedule, weightDecay, dropout } = spec.engine.settings;
  return {
    ...{ data: first.data, layers, heads, width, context, batch, steps },
    ...{ learningRate, minLearningRate, warmupSteps, schedule, weightDecay, dropout, seed: spec.seed },
  };
}
