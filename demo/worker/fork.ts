// A run of its own from a step of the present one: the present one is trained again until there, and what both have is proven.
import { hashOf, InputError, type RunEvent, Sha256 } from '../../src/index.ts';
import { checkSettings } from '../link.ts';
import type { Command, PageSettings } from '../protocol.ts';
import { refuseOtherModel } from './beginning.ts';
import { pageRun } from './run.ts';
import { heldFiles } from './run_folder.ts';
import { type Found, readSave } from './saves.ts';
import type { Shadow } from './shadow.ts';
import type { Stage } from './stage.ts';

interface Parted {
  found: Found;
  replayedFrom: number;
  /** Of the run before, trained again. */
  losses: string | null;
  parameters: string;
}

/** @throws InputError for settings of another model, and for a step that cannot be reached; the present run then goes on */
export async function forkRun(stage: Stage, { step, settings }: Extract<Command, { type: 'fork' }>): Promise<void> {
  const driver = stage.present('fork');
  const { spec } = pageRun(driver, 'fork');
  const { past, page } = stage;
  if (!past || !page || stage.state === 'failed')
    throw new InputError('fork: found a run that has failed, expected one that is there. Go back to a save first.');
  checkSettings(settings);
  requireSameSteps(page, settings, step);
  const parted = await leave();
  await stage.begin(
    {
      page: settings,
      text: spec.text,
      from: parted.found,
      asked: true,
      notes: [],
      waits: 'It is being saved.',
    },
    past,
  );
  const now = stage.driver;
  // Told by `begin`, and as it was.
  if (!now || now === driver) return stage.driver?.go();
  const { home, parts, events, progress } = now.run;
  const parameters = await hashOf(home.machine, parts.model);
  const losses = lossHash(events, step);
  stage.send({
    type: 'forked',
    fork: {
      step,
      replayedFrom: parted.replayedFrom,
      losses: losses && parted.losses ? [parted.losses, losses] : null,
      parameters: [parted.parameters, parameters],
    },
  });
  await stage.save(now.run, progress);
  stage.repeat();
  now.go();

  /** Holds the present run, which is saved by that, and brings a copy of it to the step. */
  async function leave(): Promise<Parted> {
    const { going } = driver.control;
    await driver.hold();
    let copy: Shadow | null = null;
    try {
      // The copy takes the room of the one that was looked at.
      await stage.served.questions.rested();
      const told = async (done: number, total: number) => {
        stage.send({ type: 'phase', text: `going back to step ${step}: step`, done, total });
        await new Promise((resolve) => setTimeout(resolve));
      };
      copy = await past!.copy(step, told);
      const { home, parts, events } = copy.run;
      const files = await heldFiles(copy.run);
      const found = { ...readSave(files), id: null, text: spec.text.own?.text ?? null, savedAt: null };
      const parameters = await hashOf(home.machine, parts.model);
      const losses = lossHash(events, step, copy.losses);
      return { found, replayedFrom: copy.from, losses, parameters };
    } catch (error) {
      if (going) driver.go();
      throw error;
    } finally {
      copy?.release();
    }
  }
}

/** @throws InputError for settings that the steps until there would have to have had too */
function requireSameSteps(present: PageSettings, wanted: PageSettings, step: number): void {
  refuseOtherModel(present, wanted);
  if (wanted.batch !== present.batch)
    throw new InputError(
      `batch: found ${wanted.batch}, expected ${present.batch}, as in the steps before. Begin a new run.`,
    );
  if (!Number.isSafeInteger(step) || step < 1)
    throw new InputError(`fork: found step ${step}, expected one from 1 on. Begin a new run.`);
  if (wanted.steps <= step)
    throw new InputError(`steps: found ${wanted.steps}, expected more than the ${step} that are done.`);
}

/**
 * SHA-256 over the losses of steps 1 to `step` as float32, little-endian; null where one was not told.
 * @param again losses by step that are taken instead
 */
export function lossHash(
  events: readonly RunEvent[],
  step: number,
  again?: ReadonlyMap<number, number>,
): string | null {
  const losses = new Float32Array(step).fill(Number.NaN);
  for (const event of events) if (event.event === 'step' && event.step <= step) losses[event.step - 1] = event.loss;
  for (const [at, loss] of again ?? []) losses[at - 1] = loss;
  if (losses.some(Number.isNaN)) return null;
  return new Sha256().update(new Uint8Array(losses.buffer)).hex();
}
