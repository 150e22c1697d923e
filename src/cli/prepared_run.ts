// A pretraining run before its first step: all that settings and texts make. Nothing has been written yet, and nothing allocated.
import type { Scalar, Scalars } from '../checkpoint/training_state.ts';
import type { Corpus } from '../data/corpus.ts';
import { tableOf } from '../schedule/used_table.ts';
import { corpusData } from '../train/corpus_data.ts';
import { samplePrompt, sampleText } from '../train/sample_text.ts';
import { firstLossWarning } from '../train/spikes.ts';
import { searchSettings } from './find_rate_command.ts';
import { fittingRun } from './fitting_run.ts';
import { type DataChoice, rememberedData } from './pretrain_data.ts';
import { nameOf } from './pretrain_text.ts';
import type { PretrainRequest } from './pretraining.ts';
import { checkpointConfig, startFrom } from './starting_model.ts';
import type { TrainingRun } from './training_run.ts';
import { wholeModel } from './whole_model.ts';

/** @throws InputError for a run that does not fit, and for a prompt with unknown characters */
export function prepareRun(request: PretrainRequest, corpus: Corpus, data: DataChoice): TrainingRun {
  const { context, flags, device, preset, start, resumed } = request;
  const settings = flags.findLr ? searchSettings(request.settings) : request.settings;
  const saved = resumed?.state.settings;
  const seed = resumed ? Number(resumed.state.random.get('seed')) : flags.seed;
  const typedPrompt = (saved ? saved.get('samplePrompt') : flags.samplePrompt) as string | null | undefined;
  const prompt = samplePrompt(typedPrompt, corpus);
  const { tokenizer } = corpus;
  const text = {
    vocabSize: tokenizer.vocabSize,
    validationTokens: corpus.validationLength,
    promptTokens: prompt.length,
  };
  const { memoryLimit } = flags;
  const origin = start ? { model: start.name } : originOf(saved);
  const config = start?.config ?? (resumed && 'model' in origin ? checkpointConfig(resumed.path) : null);
  const made = fittingRun(device, settings, text, { seed, memoryLimit, mayChange: resumed === null, config });
  const { trainer, generator, model } = made;
  const remembered: Record<string, Scalar> = {
    ...origin,
    ...rememberedData(data, corpus),
    samplePrompt: typedPrompt ?? null,
    kernels: (saved ? saved.get('kernels') : flags.kernels) ?? 'auto',
  };
  return {
    command: 'pretrain',
    device,
    trainer,
    step: made.step,
    plans: made.plans,
    memory: made.memory,
    seed,
    settings,
    data: corpusData(corpus, settings, seed, made.rows),
    kept: wholeModel(trainer, tokenizer),
    kernels: resumed ? device.kernels : tableOf(made.plans, device.capabilities, device.kernels),
    remembered,
    config: { ...model.config },
    name: nameOf(data.paths[0], preset ?? start?.name ?? null),
    begin: async () => {
      if (start) remembered.modelHash = await startFrom(start, trainer, device, context);
    },
    sample: (stop) => sampleText(generator, corpus, prompt, seed, stop),
    // A model that has learnt already knows more than to guess.
    firstLoss: (loss) => ('model' in origin ? null : firstLossWarning(loss, tokenizer.vocabSize)),
    next: (folder) => `talk to it: npm run generate -- --model ${folder} --prompt "..."`,
  };
}

/** The model that a saved run began from, and the hash of its weights. */
export function originOf(saved: Scalars | undefined): Record<string, Scalar> {
  const [model, modelHash] = [saved?.get('model'), saved?.get('modelHash')];
  return model === undefined ? {} : { model, modelHash: modelHash ?? null };
}
