// convert --merge: the weights of a model with an adapter put into them, tensor by tensor as they are written.
import { tokenizerFiles, tokenizerSize } from '../checkpoint/copied_files.ts';
import { diskLayer } from '../checkpoint/files.ts';
import { mergedWeights } from '../checkpoint/merged_weights.ts';
import { checkVocabulary, modelConfigJson } from '../checkpoint/model_config.ts';
import { peftWeights } from '../checkpoint/peft.ts';
import { openPeftFolder } from '../checkpoint/peft_folder.ts';
import type { Weights } from '../checkpoint/weights.ts';
import { Classifier } from '../nn/classifier.ts';
import { makeModel } from '../nn/families.ts';
import { PEFT_PREFIX } from '../nn/lora_config.ts';
import { productOf } from '../nn/lora_merge.ts';
import type { LowRankProduct } from '../tensor/low_rank.ts';
import { wholesOf } from '../tensor/pieces.ts';
import { adaptedBy, wholesIn } from '../train/adapter_files.ts';
import { classifierBeside } from './classifier_folder.ts';
import type { ConvertSource } from './convert_source.ts';
import { hasTokenizer } from './folders.ts';

/**
 * The same model with the adapter of a folder in its weights; of a classifier's adapter, the classifier. The adapter's own matrices are
 * read here, the model's when their turn comes. As where the adapter is used unmerged, its tokenizer and chat template go before those of
 * the base.
 * @param note takes a remark about keys and targets that are ignored   @throws InputError for an adapter that does not fit the model
 */
export async function withMerged(
  source: ConvertSource,
  dir: string,
  note: (line: string) => void,
): Promise<ConvertSource> {
  const notes: string[] = [];
  const folder = openPeftFolder(dir, notes);
  try {
    const body = makeModel(source.modelConfig, { seed: 0 });
    const beside = classifierBeside(dir);
    const classifier = beside ?? source.classifier;
    const model = classifier && new Classifier(body, { ...classifier, seed: 0 });
    const score = model ? [model.score.weight] : [];
    const { adapter } = adaptedBy(body, folder, score, notes);
    const own = await peftWeights(folder.source, wholesIn(adapter, score));
    const products = new Map<string, LowRankProduct>();
    for (const layer of adapter.layers.values()) {
      const { a, b } = layer.lora;
      const [first, second] = [await own.read(a.name, 0, a.size), await own.read(b.name, 0, b.size)];
      products.set(layer.weight.name, productOf(layer, first, second));
    }
    const merged = mergedWeights(source.weights, products);
    return {
      ...source,
      ...tokenizerOf(dir, source),
      ...(beside && { ...classifierConfigOf(source, beside), generation: null }),
      classifier,
      weights: model ? await withScore(merged, model, own) : merged,
    };
  } finally {
    for (const line of notes) note(line);
    folder.close();
  }
}

/** The tensors of the classifier, with the scores of an adapter's file. */
async function withScore(weights: Weights, { parameters, score }: Classifier, adapter: Weights): Promise<Weights> {
  const { name, size } = score.weight;
  const scores = await adapter.read(PEFT_PREFIX + name, 0, size);
  return {
    ...weights,
    tensors: wholesOf(parameters),
    read: async (asked, from, to) => (asked === name ? scores.slice(from, to) : weights.read(asked, from, to)),
  };
}

/** config.json of the base as that of a classifier over it. */
function classifierConfigOf(
  { modelConfig, ids: { bosTokenId, eosTokenIds } }: ConvertSource,
  classifier: NonNullable<ConvertSource['classifier']>,
): Pick<ConvertSource, 'config'> {
  return { config: modelConfigJson(modelConfig, { bosTokenId, eosTokenId: eosTokenIds[0] ?? null }, classifier) };
}

/** @throws InputError for more tokens than the model has rows for */
function tokenizerOf(dir: string, { modelConfig }: ConvertSource): Partial<Pick<ConvertSource, 'others'>> {
  if (!hasTokenizer(dir)) return {};
  checkVocabulary(modelConfig, tokenizerSize(dir, diskLayer) ?? 0, dir);
  return { others: tokenizerFiles(dir, diskLayer) };
}
