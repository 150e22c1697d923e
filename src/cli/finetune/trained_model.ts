// What is trained over the model that a run begins with: the model itself or an adapter on it, and a task's own part; and how that stands
// in a checkpoint.
import { diskLayer } from '../../checkpoint/files.ts';
import { generationConfigJson } from '../../checkpoint/generation_config.ts';
import { averageName, type FileContent } from '../../checkpoint/manifest.ts';
import { modelConfigJson } from '../../checkpoint/model_config.ts';
import { openPeftFolder } from '../../checkpoint/peft_folder.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import { TokenGenerator } from '../../generate/generate.ts';
import { configScalars, familyRow, type ModelConfig, makeModel } from '../../nn/families.ts';
import { type Adapted, lora } from '../../nn/lora.ts';
import type { LanguageModel } from '../../nn/model.ts';
import { freezeParts } from '../../optim/frozen.ts';
import type { Device } from '../../runtime/device.ts';
import { wholeName } from '../../tensor/pieces.ts';
import { adapterFiles, loadAdapterWeights } from '../../train/adapter_files.ts';
import { modelFile } from '../../train/snapshot.ts';
import { trainerOf } from '../../train/training.ts';
import type { RunModel } from '../training_run.ts';
import { loadWhole } from '../whole_model.ts';
import type { FinetuneSettings } from './settings.ts';
import type { MadeRun, OpenedTask } from './task.ts';

/** Everything that a run trains, its first values but those of files included. Nothing is allocated. @throws InputError as lora and freezeParts */
export function makeFinetune(
  device: Device,
  opened: OpenedTask,
  config: ModelConfig,
  settings: FinetuneSettings,
  seed: number,
): MadeRun {
  const frozen = settings.loraR > 0;
  const base = makeModel(config, { seed, ...(frozen && { linearDtype: settings.dtype }) });
  // Random values of a large model would take longer than loading it.
  for (const p of base.parameters) p.init = undefined;
  const language = frozen ? lora(base, { ...adapterOptions(settings), seed }, '--lora-targets', '--lora-r') : base;
  const drops = settings.dropout > 0 || (settings.loraR > 0 && settings.loraDropout > 0);
  const { recompute, dtype, labelSmoothing } = settings;
  const dropout = drops ? { p: settings.dropout, seed } : undefined;
  const model = opened.model(language, { recompute, dtype, labelSmoothing, dropout }, settings, seed);
  if (settings.loraR === 0) freezeParts(model.model.parameters, settings.train, settings.freeze);
  const { storedInOut } = familyRow(config.family);
  const { trainer } = trainerOf(device, settings, {
    model: model.model as never,
    task: model.task,
    evaluation: model.evaluation,
    // A task's own matrices and those of an adapter are PyTorch's.
    storedInOut: (parameter) => storedInOut && !/^score\.|\.lora_[AB]\./.test(wholeName(parameter)),
  });
  return { device, base, language, model, generator: new TokenGenerator(device, language, dtype), settings, trainer };
}

function adapterOptions({ loraR, loraAlpha, loraDropout, loraTargets, rslora }: FinetuneSettings) {
  return {
    r: loraR,
    alpha: loraAlpha,
    dropout: loraDropout,
    rslora,
    // Commas with nothing between them are no wish for the family's own.
    targets: loraTargets === '' ? undefined : loraTargets.split(',').flatMap((each) => each.trim() || []),
  };
}

function isAdapted(model: LanguageModel): model is Adapted {
  return 'adapter' in model;
}

/**
 * How it is kept: an adapter by itself, with the task's own part, else everything.
 * @param base what adapter_config.json calls the model   @param loadBase puts its weights there, which stand in no checkpoint
 */
export function keptFinetune(
  parts: MadeRun,
  opened: OpenedTask,
  tokenizer: Tokenizer,
  base: string,
  loadBase: () => Promise<void>,
): RunModel {
  const { device, language, model, trainer } = parts;
  const { score, classifier } = model;
  const { eosId } = tokenizer;
  const ids = { bosTokenId: tokenizer.startIds?.[0] ?? eosId, eosTokenId: eosId };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const config = () => bytes(modelConfigJson(language.config, ids, classifier));
  const generation = () => bytes(generationConfigJson({ ...ids, eosTokenIds: eosId === null ? [] : [eosId] }));
  const scalars = {
    ...Object.fromEntries(configScalars(language.config)),
    ...(classifier && { classifier: JSON.stringify(classifier) }),
  };
  const own = () => opened.files?.() ?? new Map<string, FileContent>();
  if (!isAdapted(language)) {
    const whole = { machine: device, model: model.model, ema: trainer.ema };
    return {
      scalars,
      files: async () =>
        new Map<string, FileContent>([
          ['config.json', config()],
          ...(classifier ? [] : [['generation_config.json', generation()] as const]),
          ['model.safetensors', await modelFile(device, whole.model)],
          ...(whole.ema ? [[averageName, await modelFile(device, whole.model, whole.ema.weights)] as const] : []),
          ...own(),
        ]),
      load: (path) => loadWhole(whole, path),
    };
  }
  return {
    scalars,
    files: async () =>
      new Map<string, FileContent>([
        ...(classifier ? [['config.json', config()] as const] : [['generation_config.json', generation()] as const]),
        ...(await adapterFiles(device, language, { base, score })),
        ...own(),
      ]),
    load: async (path) => {
      await loadBase();
      const folder = openPeftFolder(path, [], diskLayer);
      try {
        await loadAdapterWeights(device, language.adapter, folder.source, score);
      } finally {
        folder.close();
      }
    },
  };
}
