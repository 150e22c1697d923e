// What convert reads: a folder of a model, or a file of llama2.c. Both are a configuration, weights in ranges, and a tokenizer's files.
import path from 'node:path';
import { maxTokenizerBytes, tokenizerFiles, tokenizerSize } from '../checkpoint/copied_files.ts';
import type { ExportedModel } from '../checkpoint/export.ts';
import { diskLayer, fileSource } from '../checkpoint/files.ts';
import {
  folderIds,
  GENERATION_NAME,
  type GenerationIds,
  generationConfigJson,
} from '../checkpoint/generation_config.ts';
import { openWeights } from '../checkpoint/huggingface.ts';
import { type Llama2cHeader, openLlama2c } from '../checkpoint/llama2c.ts';
import { llama2cTokenizerFiles, parseLlama2cTokenizer } from '../checkpoint/llama2c_tokenizer.ts';
import { checkVocabulary, modelConfigJson, parseFolderConfig } from '../checkpoint/model_config.ts';
import { maxConfigBytes, openModelFolder, readLimited } from '../checkpoint/model_folder.ts';
import { InputError } from '../errors.ts';
import { Classifier, type ClassifierConfig } from '../nn/classifier.ts';
import { type ModelConfig, makeModel } from '../nn/families.ts';
import { type LlamaConfig, llamaConfig } from '../nn/llama_config.ts';
import { wholesOf } from '../tensor/pieces.ts';

export interface ConvertSource extends ExportedModel {
  /** Of the language model, or of a classifier's body. */
  readonly modelConfig: ModelConfig;
  /** What a classifier is beside its body; null for a language model. */
  readonly classifier: ClassifierConfig | null;
  readonly ids: GenerationIds;
  close(): void;
}

/**
 * Opens a step folder or a Hugging Face folder, of a language model or a classifier. All names and shapes are checked.
 * @param note takes a remark about keys that are ignored   @throws InputError
 */
export async function openFolder(dir: string, averaged: boolean, note: (line: string) => void): Promise<ConvertSource> {
  const folder = openModelFolder(dir, { averaged });
  try {
    const notes: string[] = [];
    const { config, ids, classifier } = parseFolderConfig(folder.config, folder.configName, notes);
    const size = tokenizerSize(dir, diskLayer);
    if (size !== null) checkVocabulary(config, size, dir);
    const name = `${dir}/${GENERATION_NAME}`;
    const given = diskLayer.stat(name) ? readLimited(name, maxConfigBytes, diskLayer) : null;
    const ends = folderIds(given, name, ids, config.vocabSize);
    const body = makeModel(config, { seed: 0 });
    const { parameters } = classifier ? new Classifier(body, { ...classifier, seed: 0 }) : body;
    const weights = await openWeights(folder, wholesOf(parameters), notes);
    for (const line of notes) note(line);
    return {
      config: folder.config,
      configName: folder.configName,
      // A classifier generates nothing.
      generation: given ?? (classifier ? null : generationConfigJson(ends)),
      weights,
      others: tokenizerFiles(dir, diskLayer),
      modelConfig: config,
      classifier,
      ids: ends,
      close: () => folder.close(),
    };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/**
 * Opens a model of llama2.c.
 * @param tokenizer its file; by default tokVOCAB.bin or tokenizer.bin beside the model, if there is one
 * @throws InputError
 */
export async function openLlama2cModel(
  file: string,
  tokenizer: string | undefined,
  note: (line: string) => void,
): Promise<ConvertSource> {
  const source = fileSource(file);
  try {
    const { header, weights } = await openLlama2c(source);
    const { vocabSize, context } = header;
    const special = vocabSize > 2;
    const ids = { bosTokenId: special ? 1 : null, eosTokenIds: special ? [2] : [], padTokenId: null };
    const modelConfig = configOf(header);
    const others = new Map<string, Uint8Array>();
    const beside = [`tok${vocabSize}.bin`, 'tokenizer.bin'].map((name) => path.join(path.dirname(file), name));
    const found = tokenizer ?? beside.find((name) => diskLayer.stat(name)?.kind === 'file');
    if (found === undefined) note(`${file}: found neither ${beside.join(' nor ')}: the folder gets no tokenizer`);
    else {
      const pieces = parseLlama2cTokenizer(wholeFile(found), vocabSize, found);
      for (const [name, text] of llama2cTokenizerFiles(pieces, context))
        others.set(name, new TextEncoder().encode(text));
    }
    return {
      config: modelConfigJson(modelConfig, { bosTokenId: ids.bosTokenId, eosTokenId: ids.eosTokenIds[0] ?? null }),
      configName: 'config.json',
      generation: generationConfigJson(ids),
      weights,
      others,
      modelConfig,
      classifier: null,
      ids,
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function wholeFile(name: string): Uint8Array {
  if (!diskLayer.stat(name))
    throw new InputError(`${name}: found nothing, expected a tokenizer of llama2.c. Check the path.`);
  const source = fileSource(name);
  try {
    if (source.size > maxTokenizerBytes)
      throw new InputError(`${name}: found ${source.size} bytes, expected a tokenizer of llama2.c. Check the path.`);
    return source.read(0, source.size) as Uint8Array;
  } finally {
    source.close();
  }
}

/** What llama2.c fixes in its code stands in the configuration here. */
function configOf({ dim, hiddenDim, layers, heads, kvHeads, vocabSize, context, tied }: Llama2cHeader): LlamaConfig {
  return llamaConfig({
    vocabSize,
    blockSize: context,
    nEmbd: dim,
    nLayer: layers,
    nHead: heads,
    kvHeads,
    nInner: hiddenDim,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: tied,
  });
}
