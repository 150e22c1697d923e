// Which run comes next, where nobody says all of it: a saved one goes on, the present one begins anew, or what failed is tried again.

import { type Found, pageSettings, savedKernels, savedText } from './saves.ts';
import type { Stage } from './stage.ts';

/** Goes on with a saved run. @param waits why it waits for a click; null where it goes on */
export async function resume(stage: Stage, found: Found, notes: string[], waits: string | null): Promise<void> {
  if (found.lesson) return (await stage.lessons()).resume(found, notes, waits);
  stage.phase('reading the text');
  const text = await savedText(found);
  const beginning = { page: pageSettings(found), text, from: found, asked: false, notes, waits };
  // Before what runs now has to end, for other kernels.
  if (stage.driver && !stage.fitting(beginning)) return;
  await stage.openHome(savedKernels(found));
  stage.send(stage.homes.news());
  await stage.begin(beginning);
}

/** The run of the present settings from its first step. @param waits why it waits for a click; null where it starts */
export async function anew(stage: Stage, waits: string | null): Promise<void> {
  const { lesson, page, text } = stage;
  if (lesson) return lesson.anew(waits);
  if (!page || !text) return;
  await stage.openHome(null);
  await stage.begin({ page, text, from: null, asked: true, notes: [], waits });
}

/** After a failure, which may have taken the weights with it: from the last save, or where there is none from the first step. */
export async function again(stage: Stage): Promise<void> {
  if (stage.rebuild.waiting) return stage.rebuild.now();
  const found = await stage.saving.present();
  await stage.end();
  return found ? resume(stage, found, [], null) : anew(stage, null);
}
