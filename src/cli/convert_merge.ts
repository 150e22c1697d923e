// convert --merge: the weights of a model with an adapter put into them, tensor by tensor as they are written.
import { mergedWeights } from '../checkpoint/merged_weights.ts';
import { peftWeights } from '../checkpoint/peft.ts';
import { openPeftFolder } from '../checkpoint/peft_folder.ts';
import { makeModel } from '../nn/families.ts';
import { productOf } from '../nn/lora_merge.ts';
import type { LowRankProduct } from '../tensor/low_rank.ts';
import { wholesOf } from '../tensor/pieces.ts';
import { adaptedBy } from '../train/adapter_files.ts';
import type { ConvertSource } from './convert_source.ts';

/**
 * The same model with the adapter of a folder in its weights. The adapter's own matrices are read here, the model's when their turn comes.
 * @param note takes a remark about keys that are ignored   @throws InputError for an adapter that does not fit the model
 */
export async function withMerged(
  source: ConvertSource,
  dir: string,
  note: (line: string) => void,
): Promise<ConvertSource> {
  const notes: string[] = [];
  const folder = openPeftFolder(dir, notes);
  try {
    for (const line of notes) note(line);
    const { adapter } = adaptedBy(makeModel(source.modelConfig, { seed: 0 }), folder);
    const weights = await peftWeights(folder.source, wholesOf(adapter.parameters));
    const products = new Map<string, LowRankProduct>();
    for (const layer of adapter.layers.values()) {
      const { a, b } = layer.lora;
      const [first, second] = [await weights.read(a.name, 0, a.size), await weights.read(b.name, 0, b.size)];
      products.set(layer.weight.name, productOf(layer, first, second));
    }
    return { ...source, weights: mergedWeights(source.weights, products) };
  } finally {
    folder.close();
  }
}
