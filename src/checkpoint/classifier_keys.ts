// What config.json says of a classifier beside its body, as Hugging Face's ...ForSequenceClassification classes read and write it, and
// two keys of our own for what these classes do not know.
import { InputError } from '../errors.ts';
import { type ClassifierConfig, POOLINGS, type Pooling } from '../nn/classifier_config.ts';
import { correct, tokenIds } from './config_keys.ts';
import { misfit, wholeNumber } from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Where the answer is read, as ModernBERT's configuration calls it, and to how many tokens texts are padded for that. Ours. */
const [POOLING, WIDTH] = ['classifier_pooling', 'classifier_width'];

const MOST_LABELS = 100_000;

/** Whether config.json is that of a classifier: the class that loads it says so. */
export function isClassifier(fields: JsonObject): boolean {
  const classes = fields.get('architectures');
  return Array.isArray(classes) && classes.some((name) => /ForSequenceClassification$/.test(String(name)));
}

/**
 * Reads what config.json says of a classifier's labels and pooling.
 * @param body of the body
 * @throws InputError for labels that are missing, doubled or no texts, for several labels a text, and for pooling that is not known here
 */
export function readClassifier(
  fields: JsonObject,
  body: { vocabSize: number; blockSize: number },
  where: string,
): ClassifierConfig {
  const problem = fields.get('problem_type') ?? null;
  if (problem !== null && problem !== 'single_label_classification')
    throw misfit(
      where,
      'problem_type',
      problem,
      '"single_label_classification"; nothing else is supported',
      'Take another model.',
    );
  const pooling = (fields.get(POOLING) ?? 'last-token') as Pooling;
  if (!POOLINGS.includes(pooling)) throw misfit(where, POOLING, pooling, `one of ${POOLINGS.join(', ')}`, correct);
  const width = pooling === 'last-position' ? wholeNumber(fields, WIDTH, where, 1, body.blockSize) : null;
  const [padId = null] = tokenIds(fields, 'pad_token_id', body.vocabSize, where);
  return { labels: labelsIn(fields, where), pooling, width, padId, bias: false };
}

/** As transformers has it: id2label, else LABEL_0, LABEL_1, ... as many as num_labels says, else two. */
function labelsIn(fields: JsonObject, where: string): string[] {
  const names = fields.get('id2label') ?? null;
  if (names === null) {
    const count =
      (fields.get('num_labels') ?? null) === null ? 2 : wholeNumber(fields, 'num_labels', where, 2, MOST_LABELS);
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  if (!(names instanceof Map)) throw misfit(where, 'id2label', names, 'an object from numbers to names', correct);
  if (names.size < 2)
    throw new InputError(
      `${where}: id2label: found ${names.size} label${names.size === 1 ? '' : 's'}, expected 2 or more: a single score is no classification. Take another model.`,
    );
  const labels = Array.from({ length: names.size }, (_, i) => labelAt(names, i, where));
  const seen = new Set<string>();
  for (const [i, label] of labels.entries()) {
    if (seen.has(label)) throw misfit(where, `id2label.${i}`, label, 'a name that no other label has', correct);
    seen.add(label);
  }
  return labels;
}

function labelAt(names: ReadonlyMap<string, JsonValue>, i: number, where: string): string {
  const label = names.get(String(i));
  if (typeof label === 'string') return label;
  const keys = `names for 0 to ${names.size - 1}`;
  throw misfit(where, `id2label.${i}`, label, label === undefined ? `${keys}, each there` : 'a name', correct);
}

/** Keys and values beside those of the body. What transformers does not know is written only where it differs. @throws InputError for a bias */
export function classifierFields({ labels, pooling, width, padId, bias }: ClassifierConfig): [string, unknown][] {
  if (bias)
    throw new InputError(
      "classifier: found scores with a bias, expected none: transformers' classes have none, and would load it without. Train one without.",
    );
  const own: [string, unknown][] = [
    [POOLING, pooling],
    [WIDTH, width],
  ];
  return [
    ['id2label', Object.fromEntries(labels.map((label, i) => [i, label]))],
    ['label2id', Object.fromEntries(labels.map((label, i) => [label, i]))],
    ['problem_type', 'single_label_classification'],
    ['pad_token_id', padId],
    ...own.filter(([, value]) => value !== 'last-token' && value !== null),
  ];
}

/** What to tell of a folder that other tools read otherwise; null where they do not. */
export function poolingNote({ pooling, width }: ClassifierConfig): string | null {
  if (pooling === 'last-token') return null;
  const own = pooling === 'mean' ? 'the mean over all tokens' : `the last of ${width} columns`;
  return `the answer is read from ${own}; transformers reads a classifier's from the last token, so it answers otherwise from the same folder. --pooling last-token is the same everywhere`;
}
