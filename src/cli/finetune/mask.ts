// finetune --task mask: an encoder learns to guess tokens that were taken out of a text, from nothing or on from what it knows.
import { requireContext } from '../../data/context.ts';
import { idOfToken } from '../../data/instruct/encode.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { LanguageParts } from '../../finetune/opened.ts';
import type { FinetuneSettings } from '../../finetune/settings.ts';
import { overLanguage } from '../../finetune/trained_model.ts';
import type { EncoderConfig } from '../../nn/encoder_config.ts';
import { maskTask } from '../../tasks/mask.ts';
import { type Masking, maskBatch, ordinaryIds, plannedMaskBatch } from '../../tasks/mask_rows.ts';
import { rowsFor } from '../../train/loss_batches.ts';
import { type AskedRow, MaskFiller } from '../../train/mask_filler.ts';
import { chooseData, refuseOtherTexts, rememberedData } from '../pretrain_data.ts';
import { nameOf, openText } from '../pretrain_text.ts';
import { encoderSizes, maskFromNothing } from './mask_beginning.ts';
import { frequenciesOf, maskData } from './mask_data.ts';
import { baseOf } from './rows_request.ts';
import type { FinetuneTask, ShownTask, TaskRequest } from './task.ts';

/** Tokens of the validation part that are shown with masks. */
const SHOWN = 48;

export const mask: FinetuneTask<EncoderConfig> = {
  name: 'mask',
  takes: 'encoder',
  about: 'tokens that were taken out of a text, guessed from both sides, as BERT learns them',
  flags: [
    ...['windows', 'stride', 'data-weights', 'text-field', 'mask-part'],
    ...['encoder-layers', 'width', 'heads', 'ffn', 'norm', 'positions', 'vocab-size', 'tokenizer'],
  ],
  defaults: {
    context: 128,
    batch: 16,
    steps: 1000,
    warmupSteps: 100,
    evalEvery: 200,
    saveEvery: 200,
    sampleEvery: 200,
    encoderLayers: 4,
  },
  ownDefaults: ({ model }) =>
    model === undefined ? { learningRate: 2e-3, minLearningRate: 2e-4 } : { learningRate: 2e-4, minLearningRate: 2e-5 },
  epochs: null,
  sizes: encoderSizes,
  fromNothing: maskFromNothing,
  open: async (request) => overLanguage(baseOf(request), await openMask(request)),
};

/** The text as windows, and an encoder over it. @throws InputError as openText */
async function openMask(
  request: TaskRequest<EncoderConfig>,
): Promise<LanguageParts & Pick<ShownTask, 'usuallyShown' | 'next'>> {
  const { context, flags, settings, tokenizer, config, resumed, seed } = request;
  const { out } = context;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const { windows = 'random', stride = 0, maskPart: part = 0.15, validationPart } = settings;
  const choice = { windows, stride };
  const data = chooseData(flags, windows, saved);
  const corpus = await openText(data, { tokenizer, validationPart }, null, context);
  try {
    if (saved) refuseOtherTexts(data, corpus, saved);
    requireContext(corpus, settings.context);
    const masking: Masking = {
      part,
      seed,
      ...config,
      ordinary: ordinaryIds(tokenizer.vocabSize, specialIds(tokenizer, config)),
    };
    const frequencies = frequenciesOf(corpus, masking);
    out.note(
      `guessing the most frequent token is right for ${(100 * frequencies.accuracy).toFixed(1)} % of the validation part`,
    );
    const rowsOf = ({ context: T, batch }: FinetuneSettings) => rowsFor(corpus.validationLength, T, batch);
    const sampled = sampleOf(corpus.validation(0, Math.min(SHOWN, settings.context, corpus.validationLength)), masking);
    return {
      name: nameOf(data.paths[0], null),
      epochRows:
        windows === 'strided'
          ? Math.ceil((corpus.trainLength - settings.context) / (stride || settings.context))
          : null,
      remembered: rememberedData(data, corpus),
      shown: null,
      usuallyShown: false,
      model: (model, { labelSmoothing, recompute, dtype, dropout }) => ({
        model,
        task: maskTask({ labelSmoothing, recompute, dtype, dropout }) as never,
        evaluation: maskTask({ dtype }) as never,
        score: [],
        classifier: null,
      }),
      shapes: (asked, { device, language }) => ({
        batch: plannedMaskBatch(asked.batch, asked.context, part),
        evaluated: plannedMaskBatch(rowsOf(asked), asked.context, part),
        sampling: asked.sampleEvery > 0 ? [new MaskFiller(device, language, asked.dtype).planned([sampled])] : [],
      }),
      data: (asked, own) =>
        maskData(corpus, { ...masking, seed: own }, frequencies, { ...asked, ...choice }, rowsOf(asked)),
      async sample({ device, language, settings: { dtype } }) {
        const filler = new MaskFiller(device, language, dtype);
        try {
          const [guesses] = await filler.guesses([sampled], 1);
          return filledText(
            tokenizer,
            sampled,
            guesses!.map(([first]) => first!.id),
          );
        } finally {
          filler.release();
        }
      },
      firstLoss: () => null,
      next: (folder) => `fill masks: echo "a text with a [MASK] in it" | npm run predict -- --model ${folder}`,
      close: () => corpus.close(),
    };
  } catch (error) {
    corpus.close();
    throw error;
  }
}

/** Tokens that are none of a text. */
function specialIds(tokenizer: Tokenizer, { maskId, padId }: EncoderConfig): number[] {
  const special = (tokenizer.specialTokens ?? []).map((token) => idOfToken(tokenizer, token));
  return [maskId, padId, tokenizer.eosId, ...special].filter((id) => id !== null && id !== undefined);
}

interface Sample extends AskedRow {
  /** What stood at the places. */
  truth: readonly number[];
}

/** A text with masks alone: nothing is exchanged, and nothing stays. */
function sampleOf(ids: Int32Array, masking: Masking): Sample {
  const { places, targets } = maskBatch([{ ids, number: 0 }], ids.length, { ...masking, seed: 0 }, 0);
  const at = [...places!.data].filter((place) => place >= 0);
  const truth = [...targets!.data].filter((target) => target >= 0);
  return { ids: Array.from(ids, (id, t) => (at.includes(t) ? masking.maskId : id)), places: at, truth };
}

/** The text with what was put in: [whale], or [ship, was whale] where that is not what stood there. */
function filledText(tokenizer: Tokenizer, { ids, places, truth }: Sample, filled: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const [k, place] of places.entries()) {
    parts.push(tokenizer.decode(ids.slice(from, place)));
    const [found, expected] = [tokenizer.decode([filled[k]!]), tokenizer.decode([truth[k]!])];
    const space = expected.startsWith(' ') ? ' ' : '';
    parts.push(`${space}[${found.trim()}${filled[k] === truth[k] ? '' : `, was ${expected.trim()}`}]`);
    from = place + 1;
  }
  return parts.join('') + tokenizer.decode(ids.slice(from));
}
