// A pretraining run before its first step: all that settings and texts make. Nothing has been written yet, and nothing allocated.
import type { Batch } from '../autograd/machine.ts';
import type { Scalar, Scalars } from '../checkpoint/training_state.ts';
import type { Corpus } from '../data/corpus.ts';
import { WindowSampler } from '../data/windows.ts';
import type { KernelTable } from '../schedule/order.ts';
import { tableOf } from '../schedule/used_table.ts';
import { languageBatch } from '../tasks/language.ts';
import type { PretrainSettings } from '../train/presets.ts';
import type { RunParts, RunPlans } from '../train/run_plans.ts';
import { searchSettings } from './find_rate_command.ts';
import { fittingRun } from './fitting_run.ts';
import { type DataChoice, rememberedData } from './pretrain_data.ts';
import { samplePrompt } from './pretrain_text.ts';
import type { PretrainRequest } from './pretraining.ts';
import { checkpointConfig } from './starting_model.ts';

export interface PreparedRun extends RunParts, RunPlans {
  settings: PretrainSettings;
  corpus: Corpus;
  sampler: WindowSampler;
  seed: number;
  /** Token ids that the samples begin with. */
  prompt: readonly number[];
  /** Form by op, as the run chose them. */
  kernels: KernelTable;
  /** What a checkpoint keeps beside the settings. */
  remembered: Record<string, Scalar>;
}

/** @throws InputError for a run that does not fit, and for a prompt with unknown characters */
export function prepareRun(request: PretrainRequest, corpus: Corpus, data: DataChoice): PreparedRun {
  const { flags, device, start, resumed } = request;
  const settings = flags.findLr ? searchSettings(request.settings) : request.settings;
  const saved = resumed?.state.settings;
  const seed = resumed ? Number(resumed.state.random.get('seed')) : flags.seed;
  const typedPrompt = (saved ? saved.get('samplePrompt') : flags.samplePrompt) as string | null | undefined;
  const prompt = samplePrompt(typedPrompt, corpus);
  const text = {
    vocabSize: corpus.tokenizer.vocabSize,
    validationTokens: corpus.validationLength,
    promptTokens: prompt.length,
  };
  const { memoryLimit } = flags;
  const origin = start ? { model: start.name } : originOf(saved);
  const config = start?.config ?? (resumed && 'model' in origin ? checkpointConfig(resumed.path) : null);
  const made = fittingRun(device, settings, text, { seed, memoryLimit, mayChange: resumed === null, config });
  return {
    ...made,
    settings,
    corpus,
    sampler: samplerOf(settings, corpus, seed),
    seed,
    prompt,
    kernels: resumed ? device.kernels : tableOf(made.plans, device.capabilities, device.kernels),
    remembered: {
      ...origin,
      ...rememberedData(data, corpus),
      samplePrompt: typedPrompt ?? null,
      kernels: (saved ? saved.get('kernels') : flags.kernels) ?? 'auto',
    },
  };
}

/** The model that a saved run began from, and the hash of its weights. */
function originOf(saved: Scalars | undefined): Record<string, Scalar> {
  const [model, modelHash] = [saved?.get('model'), saved?.get('modelHash')];
  return model === undefined ? {} : { model, modelHash: modelHash ?? null };
}

/** The batches of the next step. */
export function nextBatches({ sampler, settings: { accumulate, context } }: PreparedRun): Batch[] {
  return Array.from({ length: accumulate }, () => languageBatch(sampler.next(), context));
}

function samplerOf({ windows, context, batch, stride }: PretrainSettings, corpus: Corpus, seed: number): WindowSampler {
  const shards = corpus.windowShards();
  const length = corpus.trainLength;
  return new WindowSampler(
    { kind: windows, length, shards, blockSize: context, batch, stride: stride || undefined, seed },
    (start, n) => corpus.train(start, n),
  );
}
