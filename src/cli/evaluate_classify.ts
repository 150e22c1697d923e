// evaluate --task classify: how often a classifier is right, where it errs, and what needs no network reaches on the same rows.

import { classReport, classReportText } from '../data/confusion.ts';
import { grouped } from '../data/counted.ts';
import { readLabelled } from '../data/labelled.ts';
import type { LabelledRow } from '../data/labelled_rows.ts';
import { majorityClass, naiveBayes, type TextClassifier } from '../data/naive_bayes.ts';
import { printable } from '../data/printable.ts';
import { seenBefore } from '../data/split.ts';
import { StoppedError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import { likeliestLabel } from '../tasks/classify.ts';
import { classifyRows, labelledIds } from '../tasks/classify_rows.ts';
import type { Precision } from '../tensor/tensor.ts';
import { ClassScorer, meanLossOf } from '../train/class_scores.ts';
import type { LoadedClassifier } from './classifier_folder.ts';
import type { CommandContext } from './command.ts';
import type { EvaluateFlags } from './evaluate_flags.ts';
import { rememberedTraining } from './finetune/classify_parts.ts';
import type { Output } from './output.ts';
import { RateLine } from './rate_line.ts';

/** Loss, accuracy, figures of every class, confusions, and baselines. */
export async function evaluateClassify(
  { out, signal }: CommandContext,
  device: Device,
  { model, tokenizer, dir }: LoadedClassifier,
  given: EvaluateFlags,
  dtype: Precision,
): Promise<void> {
  const { labels } = model;
  const data = given.data!;
  const test = rowsOf(data, labels, given, out);
  const train =
    given.trainData === undefined ? remembered(dir, labels, out) : rowsOf(given.trainData, labels, given, out);
  const rows = classifyRows(labelledIds(test, tokenizer, data), model, { where: data });
  if (rows.cut > 0)
    out.note(
      `${grouped(rows.cut)} of ${grouped(rows.length)} texts are longer than the ${model.width ?? model.blockSize} tokens that the classifier sees: their beginnings are read`,
    );
  const scorer = new ClassScorer(device, model, dtype);
  const line = new RateLine(out, 'texts classified', (n) => grouped(Math.round(n)));
  const onScored = (done: number) => {
    if (signal.requested) throw new StoppedError();
    line.update(done, rows.length);
  };
  const scores = await scorer.scores(rows, onScored).finally(() => {
    line.end();
    scorer.release();
  });

  const truth = test.map(({ label }) => label);
  const report = classReport(truth, scores.map(likeliestLabel), labels);
  const loss = meanLossOf(scores, truth);
  const tokens = truth.reduce((sum, _, i) => sum + rows.lengthOf(i), 0);
  const baselines = baselinesOf(test, train, labels.length);
  out.emit({
    loss,
    perplexity: Math.exp(loss),
    tokens,
    rows: rows.length,
    accuracy: report.accuracy,
    classes: Object.fromEntries(report.classes.map(({ name, ...figures }) => [name, figures])),
    confusion: report.confusion,
    labels,
    baselines,
  });
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  out.print(`loss ${loss.toFixed(4)} nats a text over ${grouped(rows.length)} texts (${grouped(tokens)} tokens)`);
  for (const each of classReportText(report, (name) => printable(name, true)).split('\n')) out.print(each);
  const { majority, naiveBayes: bayes } = baselines;
  out.print(
    `always the most frequent class: ${percent(majority)}${bayes === undefined ? '' : `; naive Bayes over words: ${percent(bayes)}`}`,
  );
  if (baselines.seenBefore)
    out.note(
      `${grouped(baselines.seenBefore)} of ${grouped(rows.length)} texts were trained on: they say nothing of how it does on new ones`,
    );
  if (!train)
    out.note('baselines: naive Bayes is left out: it needs the rows that were trained on, with --train-data FILE');
}

/** The rows that the run was trained on, where it can be told. */
function remembered(dir: string, labels: readonly string[], out: Output): readonly LabelledRow[] | null {
  const found = rememberedTraining(dir, labels);
  if (found)
    out.note(
      `baselines: they learn from the ${grouped(found.rows.length)} rows of ${found.file} that the run was trained on`,
    );
  return found?.rows ?? null;
}

function rowsOf(
  file: string,
  classes: readonly string[],
  { textColumn, labelColumn }: EvaluateFlags,
  out: Output,
): readonly LabelledRow[] {
  const { rows, notes, warnings } = readLabelled(file, { textColumn, labelColumn, classes });
  for (const note of notes) out.note(printable(note, true));
  for (const warning of warnings) out.warn(printable(warning, true));
  return rows;
}

/** Accuracies. Without rows to learn from the most frequent class is that of the rows themselves. */
function baselinesOf(test: readonly LabelledRow[], train: readonly LabelledRow[] | null, classes: number) {
  const accuracy = (said: TextClassifier) =>
    test.reduce((right, { text, label }) => right + (said(text) === label ? 1 : 0), 0) / test.length;
  const majority = accuracy(majorityClass(train ?? test, classes));
  if (!train) return { majority };
  return { majority, naiveBayes: accuracy(naiveBayes(train, classes)), seenBefore: seenBefore(test, train) };
}
