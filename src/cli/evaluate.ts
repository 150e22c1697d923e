// evaluate: how well a model predicts a text, which of several endings it finds the likeliest, how often a classifier is right, or how
// good translations and summaries are.

import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import { openClassifier } from './classifier_folder.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { dtypeOn } from './dtype.ts';
import { evaluateClassify } from './evaluate_classify.ts';
import { type EvaluateFlags, evaluateFlags } from './evaluate_flags.ts';
import { evaluateHellaSwag } from './evaluate_hellaswag.ts';
import { evaluatePairs } from './evaluate_pairs.ts';
import { refuseTogether, scoresTexts, taskOf } from './evaluate_refusals.ts';
import { evaluateText } from './evaluate_text.ts';
import { evaluateTexts } from './evaluate_texts.ts';
import { openModel } from './folders.ts';
import type { Measure } from './measure.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'measures how well a model predicts a text, a classifier the class of texts, or how good translations are',
  flags: evaluateFlags,
  positionals: [{ name: 'REFERENCES', help: 'more files of references, behind --references', variadic: true }],
  examples: [
    'evaluate --model runs/moby-1 --data other.txt',
    'evaluate --model openai-community/gpt2 --data other.txt --stride 512',
    'evaluate --model runs/spam-1 --task classify --data test.tsv --train-data train.tsv',
    'evaluate --model openai-community/gpt2 --task hellaswag --data hellaswag.jsonl --limit 100',
    'evaluate --model runs/deen-1 --task translate --source test.de --target test.en --beams 4',
    'evaluate --hypotheses said.txt --references test.en',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, typed, more) {
    refuseTogether(typed, context.given, more);
    const given = { ...typed, task: taskOf(typed, context.given), references: [...typed.references, ...more] };
    if (scoresTexts(given)) {
      evaluateTexts(context, given);
      return 0;
    }
    const place = await modelFolder(given.model, context);
    const device = await deviceFor(context, given);
    try {
      const dtype = dtypeOn(device, given.dtype, context.out);
      const measure = BY_TASK[given.task];
      await measure(context, device, place, given, dtype);
      return 0;
    } finally {
      device.close();
    }
  },
});

/** Opens the model of a task, measures it, and says what it found. */
type MeasureAt = (
  context: CommandContext,
  device: Device,
  place: string,
  given: EvaluateFlags,
  dtype: Precision,
) => Promise<void>;

const ofLanguage =
  (measure: Measure): MeasureAt =>
  async (context, device, place, given, dtype) =>
    measure(
      context,
      device,
      await openModel(device, place, { ...given, dtype }, context, given.ids !== undefined),
      given,
      dtype,
    );

const BY_TASK: Readonly<Record<EvaluateFlags['task'], MeasureAt>> = {
  language: ofLanguage(evaluateText),
  hellaswag: ofLanguage(evaluateHellaSwag),
  classify: async (context, device, place, given, dtype) =>
    evaluateClassify(context, device, await openClassifier(device, place, given, context), given, dtype),
  translate: evaluatePairs,
  summarize: evaluatePairs,
};
