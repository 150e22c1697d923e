// adapter_config.json as PEFT writes it: what kind of adapter it is, for which layers of which base. Whatever changes what it computes,
// and is not here, is refused.
// Source: PEFT's LoraConfig, src/peft/tuners/lora/config.py.
import { InputError } from '../errors.ts';
import type { LoraConfig } from '../nn/lora_config.ts';
import { checkKeys, configFields, correct } from './config_keys.ts';
import { finiteNumber, flag, misfit, text, wholeNumber } from './fields.ts';
import { type JsonObject, type JsonValue, quoted } from './json.ts';

/** What an adapter's file may say, and so what one may be trained with. */
export const MIN_ALPHA = 1e-6;
export const MAX_LORA_DROPOUT = 1 - 1e-6;

export const ADAPTER_CONFIG_NAME = 'adapter_config.json';

export interface PeftConfig extends LoraConfig {
  /** PEFT's name of what the model is for: CAUSAL_LM, SEQ_CLS. */
  taskType: string | null;
  /** Folder or hub name of the base, as whoever trained the adapter named it. */
  base: string | null;
  /** Of the base on the hub. */
  revision: string | null;
  /** Modules that were trained beside the adapter and stand whole in its file, by the ends of their names. */
  modulesToSave: readonly string[];
}

const REQUIRED = ['peft_type', 'r', 'lora_alpha', 'target_modules'];
const OPTIONAL = [
  'task_type',
  'base_model_name_or_path',
  'revision',
  'lora_dropout',
  'use_rslora',
  'bias',
  'modules_to_save',
  'init_lora_weights',
];
/** Other layers, ranks and formulas: what is read is an adapter that has none of them. */
const NEUTRAL = [
  'use_dora',
  'lora_bias',
  'rank_pattern',
  'alpha_pattern',
  'layers_to_transform',
  'layers_pattern',
  'layer_replication',
  'exclude_modules',
  'target_parameters',
  'trainable_token_indices',
  'use_qalora',
  'use_bdlora',
  'alora_invocation_tokens',
  'arrow_config',
];
/** How it was trained, or what the base's layout says anyway. */
const HARMLESS = [
  'auto_mapping',
  'corda_config',
  'ensure_weight_tying',
  'eva_config',
  'fan_in_fan_out',
  'inference_mode',
  'loftq_config',
  'lora_ga_config',
  'megatron_config',
  'megatron_core',
  'peft_version',
  'qalora_group_size',
  'runtime_config',
];
/** More than any model has layers; each is compared with every layer. */
const MOST_NAMES = 4096;
/** First values that leave the base as it is. */
const PLAIN_STARTS: readonly JsonValue[] = [true, false, 'gaussian', 'eva', 'orthogonal'];
/** What other formulas are made of is not here, but PEFT can put it into the base. */
const MERGE = 'Merge it with PEFT (merge_and_unload), and take the merged model.';

/**
 * Reads adapter_config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parsePeftConfig(json: string, fileName: string, notes: string[] = []): PeftConfig {
  const fields = configFields(json, fileName);
  const optional = [...OPTIONAL, ...NEUTRAL];
  const keys = { modelType: null, required: REQUIRED, optional, onlyValue: new Map(), harmless: HARMLESS };
  checkKeys(fields, keys, fileName, notes);
  const type = fields.get('peft_type');
  if (type !== 'LORA') throw misfit(fileName, 'peft_type', type, '"LORA"; no other adapter is supported', MERGE);
  const [bias, start] = [fields.get('bias') ?? 'none', fields.get('init_lora_weights') ?? true];
  if (bias !== 'none') throw misfit(fileName, 'bias', bias, '"none": biases are not trained here', MERGE);
  if (!PLAIN_STARTS.includes(start))
    throw misfit(fileName, 'init_lora_weights', start, 'a start that leaves the base as it is, such as true', MERGE);
  for (const key of NEUTRAL)
    if (!isNeutral(fields.get(key)))
      throw misfit(fileName, key, fields.get(key), 'nothing under this key: it is not supported', MERGE);
  const has = (key: string) => (fields.get(key) ?? null) !== null;
  const textOr = (key: string) => (has(key) ? text(fields, key, fileName) : null);
  return {
    r: wholeNumber(fields, 'r', fileName, 1),
    alpha: finiteNumber(fields, 'lora_alpha', fileName, MIN_ALPHA, 1e6),
    dropout: has('lora_dropout') ? finiteNumber(fields, 'lora_dropout', fileName, 0, MAX_LORA_DROPOUT) : 0,
    rslora: has('use_rslora') ? flag(fields, 'use_rslora', fileName) : false,
    targets: targetsIn(fields, fileName),
    taskType: textOr('task_type'),
    base: textOr('base_model_name_or_path') || null,
    revision: textOr('revision'),
    modulesToSave: has('modules_to_save') ? namesIn(fields, 'modules_to_save', fileName) : [],
  };
}

function isNeutral(value: JsonValue | undefined): boolean {
  if (value instanceof Map) return value.size === 0;
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || value === false;
}

/** A list of names; or one text, which PEFT runs as a regular expression: here it is a name. */
function targetsIn(fields: JsonObject, where: string): readonly string[] {
  const value = fields.get('target_modules');
  if (typeof value !== 'string') return namesIn(fields, 'target_modules', where);
  if (/^[\w.*-]+$/.test(value)) return [value];
  throw new InputError(
    `${where}: target_modules: found the pattern ${quoted(value)}, expected a list of names: patterns from files are never run. Write the names of the layers, such as ["q_proj", "v_proj"].`,
  );
}

function namesIn(fields: JsonObject, key: string, where: string): readonly string[] {
  const value = fields.get(key);
  if (!Array.isArray(value)) throw misfit(where, key, value, 'a list of names', correct);
  if (value.length === 0 && key === 'target_modules')
    throw misfit(where, key, value, 'at least one name of a layer', correct);
  if (value.length > MOST_NAMES)
    throw new InputError(`${where}: ${key}: found ${value.length} names, expected at most ${MOST_NAMES}. ${correct}`);
  return value.map((name, i) => {
    if (typeof name !== 'string' || name === '') throw misfit(where, `${key}[${i}]`, name, 'a name', correct);
    return name;
  });
}

/** The text of adapter_config.json. @param fanInFanOut whether the base stores its weights (in,out) */
export function peftConfigJson(config: Omit<PeftConfig, 'revision'>, fanInFanOut: boolean): string {
  const { r, alpha, dropout, rslora, targets, taskType, base, modulesToSave } = config;
  const fields = {
    peft_type: 'LORA',
    task_type: taskType,
    base_model_name_or_path: base,
    r,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: targets,
    bias: 'none',
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: modulesToSave.length > 0 ? modulesToSave : null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: {},
    alpha_pattern: {},
    use_rslora: rslora,
    use_dora: false,
    revision: null,
    auto_mapping: null,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
