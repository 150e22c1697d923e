// An encoder-decoder that is trained: how it is made, how it stands in a checkpoint, and what it writes on the way.
import { encoderDecoderConfigJson } from '../../checkpoint/encoder_decoder_config.ts';
import { averageName, type FileContent } from '../../checkpoint/manifest.ts';
import type { Scalar } from '../../checkpoint/training_state.ts';
import type { MadeRun } from '../../finetune/opened.ts';
import type { FinetuneSettings } from '../../finetune/settings.ts';
import { Translator } from '../../generate/translator.ts';
import { EncoderDecoder } from '../../nn/encoder_decoder.ts';
import type { EncoderDecoderConfig } from '../../nn/transformer_config.ts';
import { freezeParts } from '../../optim/frozen.ts';
import type { Device } from '../../runtime/device.ts';
import { translateTask } from '../../tasks/translate.ts';
import type { RunModel } from '../../train/run_data.ts';
import { loadWhole } from '../../train/saved_weights.ts';
import { modelFile } from '../../train/snapshot.ts';
import { trainerOf } from '../../train/training.ts';
import { sourceTokenizerFiles } from '../source_tokenizer.ts';
import type { PairTokenizers } from './pair_tokenizers.ts';

export interface PairRun extends MadeRun {
  readonly base: EncoderDecoder;
  /** Writes with the trained weights, and where there are averaged ones with these. */
  readonly translators: { readonly trained: Translator; readonly ema: Translator | null };
}

/** @param drawn its weights begin by chance; else they are loaded   @throws InputError as freezeParts, and for sizes that do not fit */
export function makePairRun(
  device: Device,
  config: EncoderDecoderConfig,
  drawn: boolean,
  settings: FinetuneSettings,
  seed: number,
): PairRun {
  const { recompute, dtype, labelSmoothing, dropout: p, freeze } = settings;
  const model = new EncoderDecoder(config, { seed });
  if (!drawn) for (const parameter of model.parameters) parameter.init = undefined;
  freezeParts(model.parameters, 'all', freeze);
  const dropout = p > 0 ? { p, seed } : undefined;
  const task = translateTask({ labelSmoothing, recompute, dtype, dropout });
  const evaluation = translateTask({ dtype });
  const { trainer } = trainerOf(device, settings, { model, task, evaluation, storedInOut: () => false });
  return {
    device,
    base: model,
    model: { model, task: task as never, evaluation: evaluation as never },
    trainer,
    settings,
    translators: {
      trained: new Translator(device, model, { dtype }),
      ema: trainer.ema && new Translator(device, model, { dtype, parameters: trainer.ema.weights }),
    },
  };
}

/** Everything, and beside the tokenizer of the targets that of the sources, where it is another. */
export function keptPairs({ device, base: model, trainer }: PairRun, { source, target }: PairTokenizers): RunModel {
  const whole = { machine: device, model, ema: trainer.ema };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const others = source === target ? [] : [...sourceTokenizerFiles(source)];
  return {
    scalars: Object.fromEntries(Object.entries(model.config)) as Record<string, Scalar>,
    files: async () =>
      new Map<string, FileContent>([
        ['config.json', bytes(encoderDecoderConfigJson(model.config))],
        ['model.safetensors', await modelFile(device, model)],
        ...(whole.ema ? [[averageName, await modelFile(device, model, whole.ema.weights)] as const] : []),
        ...others.map(([name, text]) => [name, bytes(text)] as const),
      ]),
    load: (saved) => loadWhole(whole, saved),
  };
}
