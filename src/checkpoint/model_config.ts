// config.json of any model that is known here: which family it is decides who reads and writes it.
import { InputError } from '../errors.ts';
import type { ClassifierConfig } from '../nn/classifier_config.ts';
import type { DecoderConfig } from '../nn/decoder_config.ts';
import { ENCODER, type EncoderConfig } from '../nn/encoder_config.ts';
import type { AnyFamily, CausalConfig, ConfigOf, ModelConfig } from '../nn/model_config.ts';
import { classifierFields, isClassifier, readClassifier } from './classifier_keys.ts';
import { configFields, type TextIds } from './config_keys.ts';
import { type DecoderFormat, decoderConfigJson, parseDecoderConfig } from './decoder_format.ts';
import { encoderConfigJson, parseEncoderConfig } from './encoder_config.ts';
import { ENCODER_DECODER } from './encoder_decoder_config.ts';
import { gemma3Format } from './gemma3_config.ts';
import { gpt2ConfigJson, parseGpt2Config } from './gpt2_config.ts';
import { described, firstTen, quoted } from './json.ts';
import { llamaFormat, mistralFormat } from './llama_config.ts';
import { qwen3Format } from './qwen3_config.ts';

export type { TextIds } from './config_keys.ts';

/** How one family's config.json is read and written. */
interface ConfigFormat<C> {
  /** The class that loads a classifier over it. */
  classifier: string;
  parse(json: string, fileName: string, notes: string[]): C & TextIds;
  /** @param others keys and values that replace its own, or are added */
  json(config: C & TextIds, others: readonly (readonly [string, unknown])[]): string;
}

const decoder = <C extends DecoderConfig>(format: DecoderFormat<C>): ConfigFormat<C> => ({
  classifier: format.classifier,
  parse: (json, fileName, notes) => parseDecoderConfig(format, json, fileName, notes),
  json: (config, others) => decoderConfigJson(format, config, others),
});

const FORMATS: { readonly [F in AnyFamily]: ConfigFormat<ConfigOf<F>> } = {
  gpt2: {
    classifier: 'GPT2ForSequenceClassification',
    parse: (json, fileName, notes) => {
      const { eosTokenId, ...config } = parseGpt2Config(json, fileName, notes);
      return { ...config, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] };
    },
    json: ({ eosTokenIds, ...config }, others) =>
      gpt2ConfigJson({ ...config, eosTokenId: eosTokenIds[0] ?? null }, others),
  },
  llama: decoder(llamaFormat),
  mistral: decoder(mistralFormat),
  qwen3: decoder(qwen3Format),
  gemma3_text: decoder(gemma3Format),
  [ENCODER]: {
    classifier: 'EncoderForSequenceClassification',
    parse: parseEncoderConfig,
    json: encoderConfigJson,
  },
};

/** What to do about a type that is near one of these. */
const ADVICE = new Map<unknown, string>([
  ['gemma3', 'It reads pictures too: take a model of text alone, as google/gemma-3-270m and google/gemma-3-1b-it are.'],
]);

/** What a folder's config.json says: of a classifier, its body and what it is beside that. */
export interface ParsedConfig {
  config: ModelConfig;
  ids: TextIds;
  classifier: ClassifierConfig | null;
}

/**
 * Reads config.json by its `model_type`, of a language model, an encoder by itself, or a classifier over one of them.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for an encoder-decoder, for a family that is not known here, and as its own reader and readClassifier
 */
export function parseFolderConfig(json: string, fileName: string, notes: string[] = []): ParsedConfig {
  const fields = configFields(json, fileName);
  // Without a type it is GPT-2's reader that says so.
  const type = fields.get('model_type') ?? 'gpt2';
  if (type === ENCODER_DECODER)
    throw new InputError(
      `${fileName}: found an encoder-decoder, which writes one text from another, expected a language model or a classifier. ` +
        'Use it with translate, measure it with evaluate --task translate.',
    );
  if (typeof type !== 'string' || !Object.hasOwn(FORMATS, type)) {
    const known = Object.keys(FORMATS).filter((each) => each !== ENCODER);
    throw new InputError(
      `${fileName}: model_type: found ${described(type)}, which is not supported; expected ${known.slice(0, -1).join(', ')} or ${known.at(-1)}. ` +
        (ADVICE.get(type) ?? 'Take a model of a supported type.'),
    );
  }
  const { bosTokenId, eosTokenIds, ...own } = FORMATS[type as AnyFamily].parse(json, fileName, notes);
  const config = own as ModelConfig;
  const classifier = isClassifier(fields) ? readClassifier(fields, config, fileName) : null;
  return { config, ids: { bosTokenId, eosTokenIds }, classifier };
}

/** As parseFolderConfig, of a model without classes. @throws InputError as it, and for a classifier */
export function parseBodyConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): { config: ModelConfig; ids: TextIds } {
  const { classifier, config, ids } = parseFolderConfig(json, fileName, notes);
  if (!classifier) return { config, ids };
  throw new InputError(
    `${fileName}: found a classifier (${firstTen(classifier.labels.map(quoted))}), expected a language model. Ask it with predict, measure it with evaluate --task classify.`,
  );
}

/** As parseBodyConfig, of a model that continues texts. @throws InputError as it, and for an encoder */
export function parseModelConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): { config: CausalConfig; ids: TextIds } {
  const { config, ids } = parseBodyConfig(json, fileName, notes);
  if (isCausal(config)) return { config, ids };
  throw new InputError(
    `${fileName}: found an encoder, which sees both sides of every token, expected a language model. Let it fill masks with predict, or teach it classes: finetune --task classify.`,
  );
}

/** As parseFolderConfig, of an encoder by itself. @throws InputError as it, and for anything else */
export function parseMaskedConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): { config: EncoderConfig; ids: TextIds } {
  const { classifier, config, ids } = parseFolderConfig(json, fileName, notes);
  if (!classifier && !isCausal(config)) return { config, ids };
  throw new InputError(
    `${fileName}: found ${classifier ? 'a classifier' : `a ${config.family}, which continues texts`}, expected an encoder that fills masks. Train one: finetune --task mask.`,
  );
}

function isCausal(config: ModelConfig): config is CausalConfig {
  return config.family !== ENCODER;
}

/** As parseFolderConfig, of a classifier. @throws InputError as it, and for a language model */
export function parseClassifierConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): ParsedConfig & { classifier: ClassifierConfig } {
  const { classifier, ...parsed } = parseFolderConfig(json, fileName, notes);
  if (classifier) return { ...parsed, classifier };
  throw new InputError(
    `${fileName}: found ${isCausal(parsed.config) ? 'a language model' : 'an encoder that fills masks'}, expected a classifier. Train one from it: finetune --task classify.`,
  );
}

/**
 * The text of config.json that Hugging Face's classes load, of a language model or, with `classifier`, of a classifier over it.
 * @throws InputError for a classifier whose scores have a bias, which these classes have not
 */
export function modelConfigJson(
  config: ModelConfig,
  { bosTokenId, eosTokenId }: { bosTokenId: number | null; eosTokenId: number | null },
  classifier: ClassifierConfig | null = null,
): string {
  const format = FORMATS[config.family] as ConfigFormat<never> as ConfigFormat<ModelConfig>;
  const others = classifier ? [['architectures', [format.classifier]] as const, ...classifierFields(classifier)] : [];
  const ids = { bosTokenId, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] };
  return format.json({ ...config, ...ids }, others);
}

/**
 * Refuses a tokenizer whose ids do not fit the model's embedding; `tokenizerSize` is its number of tokens.
 * A smaller tokenizer is fine: embeddings are often padded. @throws InputError
 */
export function checkVocabulary({ vocabSize }: { vocabSize: number }, tokenizerSize: number, where: string): void {
  if (tokenizerSize <= vocabSize) return;
  throw new InputError(
    `${where}: vocab_size: found ${vocabSize}, but the tokenizer has ${tokenizerSize} tokens. ` +
      'The rows of the token table decide: take the tokenizer that came with this model.',
  );
}
