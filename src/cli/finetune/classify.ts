// finetune --task classify: texts with a class each. A linear layer over the model's last states says which.

import { poolingNote } from '../../checkpoint/classifier_keys.ts';
import { classReport, classReportText } from '../../data/confusion.ts';
import type { LabelledRow } from '../../data/labelled.ts';
import { majorityClass, naiveBayes, type TextClassifier } from '../../data/naive_bayes.ts';
import { distinctNotes, type Split } from '../../data/split.ts';
import { Classifier, defaultPooling, isMasked } from '../../nn/classifier.ts';
import type { ClassifierConfig } from '../../nn/classifier_config.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { balancedWeights, classifyTask, likeliestLabel } from '../../tasks/classify.ts';
import { type ClassifyRows, classifyRows, labelledIds } from '../../tasks/classify_rows.ts';
import { ClassScorer, meanLossOf } from '../../train/class_scores.ts';
import { counted, grouped } from '../format.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { StoppedError } from '../stop.ts';
import { classWeights } from './class_weights.ts';
import { labelledParts } from './classify_parts.ts';
import { dataFile, hashOfFile, runName } from './data_file.ts';
import type { LanguageParts, LanguageRequest } from './language_run.ts';
import { rowData, rowShapes } from './row_data.ts';
import type { FinetuneTask } from './task.ts';
import { overLanguage } from './trained_model.ts';

type Part = 'train' | 'validation' | 'test';

export const classify: FinetuneTask<ModelConfig> = {
  name: 'classify',
  takes: 'body',
  about: 'a class for a text',
  flags: ['text-column', 'label-column', 'balance', 'class-weights', 'sampling', 'pooling', 'test-part'],
  without: ['label-smoothing', 'sample-every'],
  defaults: {
    ...{ validationPart: 0.1, testPart: 0.2, sampleEvery: 0, batch: 8 },
    ...{ learningRate: 5e-5, minLearningRate: 5e-6 },
  },
  // What is read from an answer's place is in the settings, so that a run that goes on reads it there.
  ownDefaults: (_, config) => (config ? { pooling: defaultPooling(config) } : {}),
  epochs: 5,
  open: async (request) => overLanguage(request, openClassify(request)),
};

function openClassify(request: LanguageRequest): LanguageParts {
  const { context, settings, tokenizer, seed } = request;
  const { out, signal } = context;
  const file = dataFile(request);
  const { set, distinct, parts } = labelledParts(file, settings, seed);
  for (const line of set.notes) out.note(printable(line, true));
  for (const line of set.warnings) out.warn(printable(line, true));
  for (const line of distinctNotes(file, distinct)) out.note(printable(line, true));
  const { classes } = set;
  const pooled = encoded(request, file, parts, classes);
  const { rows, config } = pooled;
  const baselines = baselinesOf(parts, classes.length);
  tell(out, rows, parts, classes, baselines);
  const labels = parts.train.map(({ label }) => label);
  const dataset = {
    name: runName(file),
    ...{ trainRows: rows.train.length, validationRows: rows.validation.length, testRows: parts.test.length },
    classes: countsByName(distinct.rows, classes),
    ...{ tokenizer: tokenizer.kind, vocabSize: tokenizer.vocabSize, baselines },
  };
  const guessing = { label: `guessing among ${classes.length} classes`, value: Math.log(classes.length) };
  const hash = hashOfFile(file);
  return {
    name: runName(file),
    epochRows: rows.train.length,
    remembered: { data: file },
    shown: rows.train,
    usuallyShown: false,
    model(language, { recompute, dtype, dropout }, _, own) {
      const model = new Classifier(language, { ...config, seed: own });
      const task = classifyTask({ recompute, dtype, dropout });
      return {
        model,
        task: task as never,
        evaluation: classifyTask({ dtype }) as never,
        score: [model.score.weight],
        classifier: config,
      };
    },
    shapes: ({ batch }) => ({ ...rowShapes(rows, batch), sampling: [] }),
    data: (asked, own) =>
      rowData(
        {
          ...rows,
          ...{ tokenizer, hash, dataset, references: [guessing], unit: 'nats a text' },
          ...(asked.sampling === 'balanced' && { classes: labels }),
        },
        asked,
        own,
      ),
    sample: async () => '',
    firstLoss: (loss) => firstLossOf(loss, guessing.value),
    async finish({ device, model, settings: { dtype } }) {
      const scorer = new ClassScorer(device, model.model as Classifier, dtype);
      const onScored = () => {
        if (signal.requested) throw new StoppedError();
      };
      try {
        const found: Record<string, PartFigures> = {};
        for (const part of ['validation', 'test'] as const) {
          const own = rows[part];
          if (own)
            found[part] = tellPart(out, part, await scorer.scores(own, onScored), own, classes, baselines[part]!);
        }
        return found;
      } finally {
        scorer.release();
      }
    },
    next: (folder) => `ask it: npm run predict -- --model ${folder} < texts.txt`,
  };
}

interface PartFigures {
  [name: string]: number;
  loss: number;
  accuracy: number;
}

/** The table of a part, its confusions and baselines. @param scores ln p of every class, of each row */
function tellPart(
  out: Output,
  part: Part,
  scores: readonly (readonly number[])[],
  rows: ClassifyRows,
  classes: readonly string[],
  baseline: Baseline,
): PartFigures {
  const truth = scores.map((_, i) => rows.labelOf(i));
  const report = classReport(truth, scores.map(likeliestLabel), classes);
  out.log();
  out.log(`${part}: ${counted(rows.length, 'row')}`);
  for (const line of classReportText(report, (name) => printable(name, true)).split('\n')) out.log(line);
  out.log(out.style.dim(baselineText(baseline)));
  return { loss: meanLossOf(scores, truth), accuracy: report.accuracy };
}

/** Texts as ids, cut to the context, in batches as the classifier takes them. */
function encoded(request: LanguageRequest, file: string, parts: Split<LabelledRow>, labels: readonly string[]) {
  const { context, settings, tokenizer } = request;
  const { pooling = defaultPooling(request.config), context: blockSize } = settings;
  const ids = Object.fromEntries(
    (['train', 'validation', 'test'] as const).map((part) => [part, labelledIds(parts[part], tokenizer, file)]),
  ) as Record<Part, ReturnType<typeof labelledIds>>;
  const longest = Math.min(
    blockSize,
    ids.train.reduce((most, row) => Math.max(most, row.ids.length), 1),
  );
  const config: ClassifierConfig = {
    ...{ labels, pooling, width: pooling === 'last-position' ? longest : null },
    ...{ padId: tokenizer.padId ?? tokenizer.eosId, bias: false },
  };
  const masked = isMasked(request.config);
  // Other tools have no encoder of this kind to read it otherwise.
  const note = masked ? null : poolingNote(config);
  if (note !== null) context.out.note(`pooling: ${note}`);
  const made = { ...config, blockSize, masked };
  const train = parts.train.map(({ label }) => label);
  const balanced = () => balancedWeights(train, labels.length);
  const weights = classWeights(settings.classWeights ?? 'none', labels, balanced);
  const rows = {
    train: classifyRows(ids.train, made, { where: file, classWeights: weights }),
    // Every row counts alike where accuracy is told.
    validation: classifyRows(ids.validation, made, { where: file }),
    test: ids.test.length > 0 ? classifyRows(ids.test, made, { where: file }) : null,
  };
  const cut = rows.train.cut + rows.validation.cut + (rows.test?.cut ?? 0);
  if (cut > 0)
    context.out.note(
      `${file}: ${counted(cut, 'text')} longer than ${grouped(config.width ?? blockSize)} tokens cut to them.`,
    );
  return { rows, config };
}

interface Baseline {
  [name: string]: number;
  majority: number;
  naiveBayes: number;
}

/** Accuracy of what needs no network. */
function baselinesOf(
  parts: Split<LabelledRow>,
  classes: number,
): Partial<Record<Part, Baseline>> & { [part: string]: Baseline } {
  const [majority, bayes] = [majorityClass(parts.train, classes), naiveBayes(parts.train, classes)];
  const accuracy = (rows: readonly LabelledRow[], says: TextClassifier) =>
    rows.filter(({ text, label }) => says(text) === label).length / rows.length;
  const of = (rows: readonly LabelledRow[]) => ({
    majority: accuracy(rows, majority),
    naiveBayes: accuracy(rows, bayes),
  });
  return { validation: of(parts.validation), ...(parts.test.length > 0 && { test: of(parts.test) }) };
}

function baselineText({ majority, naiveBayes: bayes }: Baseline): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return `beside it: always the most frequent class ${percent(majority)}, naive Bayes over words ${percent(bayes)}`;
}

function tell(
  out: Output,
  rows: { train: ClassifyRows; validation: ClassifyRows; test: ClassifyRows | null },
  parts: Split<LabelledRow>,
  classes: readonly string[],
  baselines: { [part: string]: Baseline },
): void {
  const names = Object.entries(countsByName(parts.train, classes))
    .slice(0, 12)
    .map(([name, count]) => `${printable(name, true)} ${grouped(count)}`);
  const more = classes.length > 12 ? `, ${classes.length - 12} more` : '';
  const tests = rows.test ? `, ${grouped(rows.test.length)} to test` : '';
  out.note(
    `rows: ${grouped(rows.train.length)} to train on (${names.join(', ')}${more}), ${grouped(rows.validation.length)} to validate${tests}`,
  );
  out.note(`validation ${baselineText(baselines.validation!)}`);
}

function countsByName(rows: readonly LabelledRow[], classes: readonly string[]): Record<string, number> {
  const counts = classes.map(() => 0);
  for (const { label } of rows) counts[label]!++;
  return Object.fromEntries(classes.map((name, i) => [name, counts[i]!]));
}

/** The scores begin small, so that every class is about as likely: a loss far above that is of wrong labels, or of too large states. */
function firstLossOf(loss: number, guessing: number): string | null {
  if (!(loss > 3 * guessing)) return null;
  return `found a first loss of ${loss.toFixed(3)}, expected about ${guessing.toFixed(3)}, which guessing costs. Another --pooling, or a lower --learning-rate, may help.`;
}
