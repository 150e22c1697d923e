// evaluate: how well a model predicts a text, which of several endings it finds the likeliest, or how often a classifier is right.
import { InputError } from '../errors.ts';
import { adapterFlags } from './adapter.ts';
import { openClassifier } from './classifier_folder.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { DTYPE_FLAG, dtypeOn } from './dtype.ts';
import { evaluateClassify } from './evaluate_classify.ts';
import { evaluateHellaSwag } from './evaluate_hellaswag.ts';
import { evaluateText } from './evaluate_text.ts';
import { defineFlags, type FlagValues, kebabCase } from './flags.ts';
import { type LoadedModel, modelFlags, openModel } from './folders.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';

const flags = defineFlags([
  ...modelFlags,
  ...adapterFlags,
  {
    name: 'task',
    type: 'choice',
    choices: ['language', 'classify', 'hellaswag'],
    default: 'language',
    help: 'language: loss, perplexity and bits a byte of a text; classify: accuracy, confusions and baselines of a classifier; hellaswag: which of several endings is the likeliest',
  },
  {
    name: 'data',
    type: 'text',
    placeholder: 'FILE|DIR',
    help: 'text to predict, behind the ids that its tokenizer puts before every text (Llama: <s>): plain, .jsonl or .parquet; classify: TSV, CSV or JSONL with a text and its class in each row; hellaswag: an object a line with ctx, endings and label',
  },
  {
    name: 'text-field',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
  { ...DTYPE_FLAG, default: 'f32' },
  { name: 'ids', type: 'text', placeholder: 'FILE', help: 'a JSON list of token ids to predict, instead of a text' },
  {
    name: 'context',
    type: 'integer',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    example: '1024',
    help: "that the model sees at most; default: the model's",
  },
  {
    name: 'stride',
    type: 'integer',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    example: '512',
    help: 'between the starts of windows: below the context they overlap, and each token is predicted from more before it; default: one context',
  },
  {
    name: 'limit',
    type: 'integer',
    min: 1,
    max: 1e9,
    unit: 'items',
    example: '50',
    help: 'hellaswag: of the file, from its beginning; default: all',
  },
  {
    name: 'text-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'classify: column or field of the texts; default: text',
  },
  {
    name: 'label-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'label',
    help: 'classify: column or field of the classes; default: label',
  },
  {
    name: 'train-data',
    type: 'text',
    placeholder: 'FILE',
    example: 'train.tsv',
    help: 'classify: rows that were trained on, which baselines learn from: the most frequent class, and naive Bayes over words',
  },
]);

/** What was typed. */
export type EvaluateFlags = FlagValues<typeof flags> & GlobalValues;

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'measures how well a model predicts a text, or a classifier the class of texts',
  flags,
  examples: [
    'evaluate --model runs/moby-1 --data other.txt',
    'evaluate --model openai-community/gpt2 --data other.txt --stride 512',
    'evaluate --model runs/spam-1 --task classify --data test.tsv --train-data train.tsv',
    'evaluate --model openai-community/gpt2 --task hellaswag --data hellaswag.jsonl --limit 100',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, given) {
    refuseTogether(given, context);
    const place = await modelFolder(given.model, context);
    const device = await deviceFor(context, given);
    try {
      const dtype = dtypeOn(device, given.dtype, context.out);
      if (given.task === 'classify') {
        await evaluateClassify(context, device, await openClassifier(device, place, given, context), given, dtype);
        return 0;
      }
      const loaded = await openModel(device, place, { ...given, dtype }, context, given.ids !== undefined);
      const measure: Measure = given.task === 'hellaswag' ? evaluateHellaSwag : evaluateText;
      await measure(context, device, loaded, given, dtype);
      return 0;
    } finally {
      device.close();
    }
  },
});

/** Measures, and says what it found. */
export type Measure = (
  context: CommandContext,
  device: Awaited<ReturnType<typeof deviceFor>>,
  loaded: LoadedModel,
  given: EvaluateFlags,
  dtype: ReturnType<typeof dtypeOn>,
) => Promise<void>;

/** Flags that one task alone has, by their camelCase names. */
const OWN = new Map<string, readonly (keyof EvaluateFlags)[]>([
  ['language', ['ids', 'stride', 'context', 'textField']],
  ['classify', ['textColumn', 'labelColumn', 'trainData']],
  ['hellaswag', ['limit']],
]);

/** @throws InputError for flags that do not go with each other */
function refuseTogether({ task, data, ids }: EvaluateFlags, { given }: CommandContext): void {
  for (const [owner, names] of OWN) {
    const name = owner === task ? undefined : names.find((each) => given.has(each));
    if (name)
      throw new InputError(
        `--${kebabCase(name)}: found beside --task ${task}, expected it with --task ${owner} alone. Leave it out.`,
      );
  }
  if (task === 'language' && (data === undefined) === (ids === undefined))
    throw new InputError(
      `evaluate: found ${data === undefined ? 'neither --data nor' : 'both --data and'} --ids, expected one of the two.`,
    );
  if (task === 'classify' && data === undefined)
    throw new InputError(
      '--data: found nothing, expected a file with a text and its class in each row. For example: --task classify --data test.tsv',
    );
  if (task === 'hellaswag' && data === undefined)
    throw new InputError(
      '--data: found nothing, expected a file with an object a line. For example: --task hellaswag --data hellaswag.jsonl',
    );
}
