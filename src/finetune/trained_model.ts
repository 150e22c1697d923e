// What is trained over a language model that a run begins with: the model itself or an adapter on it, and a task's own part; and how that
// stands in a checkpoint.
import { generationConfigJson } from '../checkpoint/generation_config.ts';
import { averageName, type FileContent } from '../checkpoint/manifest.ts';
import { modelConfigJson } from '../checkpoint/model_config.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { configScalars, familyRow, type ModelConfig, makeModel } from '../nn/families.ts';
import { type Adapted, lora } from '../nn/lora.ts';
import type { LanguageModel } from '../nn/model.ts';
import { freezeParts } from '../optim/frozen.ts';
import type { Device } from '../runtime/device.ts';
import { wholeName } from '../tensor/pieces.ts';
import { adapterFiles, loadAdapterWeights } from '../train/adapter_files.ts';
import type { RunModel } from '../train/run_data.ts';
import { loadWhole } from '../train/saved_weights.ts';
import { modelFile } from '../train/snapshot.ts';
import { trainerOf } from '../train/training.ts';
import type { LanguageParts, LanguageRun, OpenedTask, Origin } from './opened.ts';
import type { FinetuneSettings } from './settings.ts';

/** What a language model is made of. */
export interface LanguageBase {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Its first values are drawn; else they come from files. */
  readonly fresh: boolean;
}

/** An opened task whose model is a language model's. */
export function overLanguage<P extends LanguageParts>(
  { config, tokenizer, fresh }: LanguageBase,
  parts: P,
): P & Pick<OpenedTask<LanguageRun>, 'make' | 'kept'> {
  return {
    ...parts,
    make: (device, settings, seed) => makeLanguage(device, parts, config, settings, seed, fresh),
    kept: (made, origin) => keptLanguage(made, parts, tokenizer, origin),
  };
}

/** See OpenedTask.make. @param fresh its first values are drawn, and come from no file   @throws InputError as lora and freezeParts */
function makeLanguage(
  device: Device,
  opened: LanguageParts,
  config: ModelConfig,
  settings: FinetuneSettings,
  seed: number,
  fresh: boolean,
): LanguageRun {
  const frozen = settings.loraR > 0;
  const base = makeModel(config, { seed, ...(frozen && { linearDtype: settings.dtype }) });
  // Random values of a large model would take longer than loading it.
  if (!fresh) for (const p of base.parameters) p.init = undefined;
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

/** How it is kept: an adapter by itself, with the task's own part, else everything. */
function keptLanguage(parts: LanguageRun, opened: LanguageParts, tokenizer: Tokenizer, origin: Origin): RunModel {
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
  const generates = !classifier && familyRow(language.config.family).causal;
  const own = () => opened.files?.() ?? new Map<string, FileContent>();
  if (!isAdapted(language)) {
    const whole = { machine: device, model: model.model, ema: trainer.ema };
    return {
      scalars,
      files: async () =>
        new Map<string, FileContent>([
          ['config.json', config()],
          ...(generates ? [['generation_config.json', generation()] as const] : []),
          ['model.safetensors', await modelFile(device, whole.model)],
          ...(whole.ema ? [[averageName, await modelFile(device, whole.model, whole.ema.weights)] as const] : []),
          ...own(),
        ]),
      load: (saved) => loadWhole(whole, saved),
    };
  }
  return {
    scalars,
    files: async () =>
      new Map<string, FileContent>([
        ...(classifier ? [['config.json', config()] as const] : []),
        ...(generates ? [['generation_config.json', generation()] as const] : []),
        ...(await adapterFiles(device, language, { base: origin.name, score })),
        ...own(),
      ]),
    load: async (saved) => {
      await origin.load();
      const adapter = saved.adapter();
      try {
        await loadAdapterWeights(device, language.adapter, adapter.sources[0]!, score);
      } finally {
        adapter.close();
      }
    },
  };
}
