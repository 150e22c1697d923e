// One pretraining run, from settings and a device to checkpoints. What can be refused is refused before the run folder is made.
import { checkVocabulary } from '../checkpoint/model_config.ts';
import { requireContext } from '../data/context.ts';
import type { Device } from '../runtime/device.ts';
import type { PretrainSettings } from '../train/presets.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import type { FlagValues } from './flags.ts';
import { prepareRun } from './prepared_run.ts';
import { chooseData, refuseOtherTexts } from './pretrain_data.ts';
import type { pretrainFlags } from './pretrain_flags.ts';
import { openText } from './pretrain_text.ts';
import type { StartingModel } from './starting_model.ts';
import { type ResumedRun, trainRun } from './training_run.ts';

export interface PretrainRequest {
  context: CommandContext;
  flags: FlagValues<typeof pretrainFlags> & GlobalValues;
  device: Device;
  settings: PretrainSettings;
  /** The part of the settings that was typed. */
  typed: Partial<PretrainSettings>;
  /** null where a run or a model is gone on with */
  preset: string | null;
  /** The model that a new run begins from; null where it begins from nothing. */
  start: StartingModel | null;
  resumed: ResumedRun | null;
}

/** Trains until the steps are done or a signal asks to stop. @returns the exit code */
export async function pretrainOn(request: PretrainRequest): Promise<number> {
  const { context, flags, settings, start, resumed } = request;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const data = chooseData(flags, settings.windows, saved);
  const tokenizerDir = resumed?.path ?? (start?.hasTokenizer ? start.dir : null);
  const corpus = await openText(data, settings, tokenizerDir, context);
  try {
    if (start) checkVocabulary(start.config, corpus.tokenizer.vocabSize, start.dir);
    if (saved) refuseOtherTexts(data, corpus, saved);
    requireContext(corpus, settings.context);
    return await trainRun(request, prepareRun(request, corpus, data));
  } finally {
    corpus.close();
  }
}
