// A small run of the page, trained as its worker trains one.
import type { PageSettings } from '../../demo/protocol.ts';
import type { Past } from '../../demo/worker/past.ts';
import { fullSettings } from '../../demo/worker/presets.ts';
import type { PageRun } from '../../demo/worker/run.ts';
import { openOwn } from '../../demo/worker/text.ts';
import { loop } from '../../src/index.ts';
import { text as tale } from './tiny_training.ts';

export const text = openOwn({ name: 'tale.txt', text: tale.repeat(3) });
export const page: PageSettings = {
  ...{ layers: 1, heads: 2, width: 16, context: 16, batch: 2, steps: 14, learningRate: 1e-2, minLearningRate: 0 },
  ...{ warmupSteps: 2, schedule: 'cosine', weightDecay: 0.1, dropout: 0.1, seed: 3, data: text.data },
};
export const settings = { ...fullSettings(page), saveEvery: 4, evalEvery: 6 };

/** Trains until a step, as the page does. @param between after every event */
export async function train(run: PageRun, until: number, past?: Past, between?: () => Promise<void>): Promise<void> {
  let drawn = 0;
  const options = run.loopOptions({
    stop: () => drawn >= until && until < run.spec.settings.steps,
    drawn: (step) => void (drawn = step),
    save: async ({ step }) => `step-${step}`,
  });
  for await (const event of loop(run.parts.trainer, options, run.progress)) {
    if (event.event === 'phase') continue;
    run.events.push(event);
    if (event.event === 'save' || event.event === 'eval') await past?.keep();
    await between?.();
  }
}

/** Brings a copy of the run to a step, a piece at a time. */
export async function seenAt(past: Past, step: number) {
  for (;;) {
    const seen = await past.reach(step, 0);
    if (seen) return seen;
  }
}
