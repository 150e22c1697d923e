// evaluate: how well a model predicts a text, or which of several endings it finds the likeliest.
import { InputError } from '../errors.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { DTYPE_FLAG, dtypeOn } from './dtype.ts';
import { evaluateHellaSwag } from './evaluate_hellaswag.ts';
import { evaluateText } from './evaluate_text.ts';
import { defineFlags, type FlagValues } from './flags.ts';
import { type LoadedModel, modelFlags, openModel } from './folders.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';

const flags = defineFlags([
  ...modelFlags,
  {
    name: 'task',
    type: 'choice',
    choices: ['language', 'hellaswag'],
    default: 'language',
    help: 'language: loss, perplexity and bits a byte of a text; hellaswag: which of several endings is the likeliest',
  },
  {
    name: 'data',
    type: 'text',
    placeholder: 'FILE|DIR',
    help: 'text to predict: plain, .jsonl or .parquet; hellaswag: an object a line with ctx, endings and label',
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
]);

/** What was typed. */
export type EvaluateFlags = FlagValues<typeof flags> & GlobalValues;

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'measures how well a model predicts a text, or which endings it finds likely',
  flags,
  examples: [
    'evaluate --model runs/moby-1 --data other.txt',
    'evaluate --model openai-community/gpt2 --data other.txt --stride 512',
    'evaluate --model openai-community/gpt2 --task hellaswag --data hellaswag.jsonl --limit 100',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, given) {
    refuseTogether(given, context);
    const place = await modelFolder(given.model, context);
    const device = await deviceFor(context, given);
    try {
      const loaded = await openModel(device, place, given.weights, context, given.ids !== undefined);
      const dtype = dtypeOn(device, given.dtype, context.out);
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

/** @throws InputError for flags that do not go with each other */
function refuseTogether({ task, data, ids, limit }: EvaluateFlags, { given }: CommandContext): void {
  if (task === 'language') {
    if ((data === undefined) === (ids === undefined))
      throw new InputError(
        `evaluate: found ${data === undefined ? 'neither --data nor' : 'both --data and'} --ids, expected one of the two.`,
      );
    if (limit !== undefined) throw new InputError('--limit: found without --task hellaswag, expected them together.');
    return;
  }
  const other = (['ids', 'stride', 'textField', 'context'] as const).find((name) => given.has(name));
  if (other)
    throw new InputError(
      `--${other === 'textField' ? 'text-field' : other}: found beside --task ${task}, expected it with --task language alone. Leave it out.`,
    );
  if (data === undefined)
    throw new InputError(
      `--data: found nothing, expected a file with an object a line. For example: --task ${task} --data hellaswag.jsonl`,
    );
}
