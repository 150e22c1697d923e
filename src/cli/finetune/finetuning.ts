// One fine-tuning, from a task's rows and a device to checkpoints. What can be refused is refused before the run folder is made.
import type { Scalar } from '../../checkpoint/training_state.ts';
import { InputError } from '../../errors.ts';
import type { MadeRun } from '../../finetune/opened.ts';
import type { FinetuneSettings } from '../../finetune/settings.ts';
import type { Device } from '../../runtime/device.ts';
import { triedTable } from '../../schedule/used_table.ts';
import type { Limits } from '../../train/limits.ts';
import type { Weights } from '../../train/step.ts';
import { planTraining } from '../../train/training.ts';
import { searchSettings } from '../find_rate_command.ts';
import { fitRun, fitting } from '../fit.ts';
import { isHubName } from '../model_place.ts';
import { startFrom } from '../starting_model.ts';
import { weightsOnDisk } from '../step_weights.ts';
import { type RunRequest, type TrainingRun, trainRun } from '../training_run.ts';
import type { Beginning } from './beginning.ts';
import type { FinetuneFlags } from './flags.ts';
import type { ShownTask } from './task.ts';

export interface FinetuneRequest extends RunRequest {
  flags: FinetuneFlags;
  device: Device;
  settings: FinetuneSettings;
  seed: number;
  beginning: Beginning;
  opened: ShownTask;
}

/** Trains until the steps are done or a signal asks to stop. @returns the exit code */
export async function finetuneOn(request: FinetuneRequest): Promise<number> {
  return trainRun(request, prepareFinetune(request));
}

/** @throws InputError for a run that does not fit */
function prepareFinetune(request: FinetuneRequest): TrainingRun {
  const { context, flags, device, seed, beginning, opened, resumed } = request;
  const { config, start } = beginning;
  const settings = flags.findLr ? searchSettings(request.settings) : request.settings;
  const maker = {
    make: (asked: FinetuneSettings, own: number) => opened.make(device, asked, own),
    plan: (parts: MadeRun, asked: FinetuneSettings, limits: Limits) =>
      planTraining(device, parts.trainer, opened.shapes(asked, parts), limits),
    ...(settings.batchTokens !== undefined && { sized: 'batchTokens' as const }),
    smaller:
      settings.loraR > 0
        ? 'another --model'
        : 'another --model, less of it to train (--train last-block), or an adapter (--lora-r 8)',
    // Rows were cut to the context already.
    shortest: settings.context,
  };
  const { memoryLimit } = flags;
  const made = fitting(fitRun(device, settings, maker, { seed, memoryLimit, mayChange: resumed === null }));
  const saved = resumed?.state.settings;
  const remembered: Record<string, Scalar> = {
    ...(beginning.name !== null && { model: beginning.name, modelHash: saved?.get('modelHash') ?? null }),
    ...(beginning.weights === 'ema' && { weights: 'ema' }),
    ...opened.remembered,
    ...(saved && opened.begun?.(saved)),
    kernels: (saved ? saved.get('kernels') : flags.kernels) ?? 'auto',
  };
  const loadBase = () => startFrom(start!, { model: made.base, ema: null }, device, context);
  const name = beginning.name ?? '';
  const kept = opened.kept(made, {
    name: isHubName(name) ? name : (start?.dir ?? name),
    async load() {
      const hash = await loadBase();
      if (hash !== remembered.modelHash)
        throw new InputError(
          `${name}: found weights with SHA-256 ${hash.slice(0, 12)}, expected ${String(remembered.modelHash).slice(0, 12)}, over which ${resumed!.path} was trained. Put that model there again.`,
        );
    },
  });
  return {
    command: 'finetune',
    device,
    trainer: made.trainer,
    step: made.step,
    plans: made.plans,
    memory: made.memory,
    seed,
    settings,
    data: opened.data(settings, seed),
    kept: {
      ...kept,
      load: async (path) => {
        const saved = weightsOnDisk(path);
        await kept.load(saved);
        await opened.goOn?.(made, saved);
      },
    },
    kernels: resumed ? device.kernels : triedTable(device.capabilities, device.kernels),
    remembered,
    config: { ...config, task: settings.task },
    name: opened.name,
    begin: async () => {
      if (start) {
        remembered.modelHash = await loadBase();
        // Averages begin at the weights.
        if (made.trainer.ema) await copyAverages(made);
      }
      Object.assign(remembered, await opened.begin?.(made));
    },
    ...(opened.figures && { figures: (weights: Weights, stop: () => boolean) => opened.figures!(made, weights, stop) }),
    sample: (stop) => opened.sample(made, stop),
    firstLoss: (loss) => opened.firstLoss(loss),
    ...(opened.finish && { finish: (folder: string) => opened.finish!(made, folder) }),
    next: (folder) => opened.next(folder),
  };
}

/** Averaged weights of what was loaded; of what begins by chance they begin alike by themselves. */
async function copyAverages({ device, trainer, base }: MadeRun): Promise<void> {
  for (const parameter of base.parameters) {
    const average = trainer.ema!.weights.get(parameter);
    if (average) device.write(average, await device.read(parameter));
  }
}
