// A class for a text: a linear layer over a model's last states says which. From labelled rows to all that their run needs.
import { poolingNote } from '../checkpoint/classifier_keys.ts';
import { type ClassReport, classReport } from '../data/confusion.ts';
import { counted, grouped } from '../data/counted.ts';
import type { LabelledRow } from '../data/labelled_rows.ts';
import { distinctNotes, type Split } from '../data/split.ts';
import { StoppedError } from '../errors.ts';
import { Classifier, defaultPooling, isMasked } from '../nn/classifier.ts';
import type { ClassifierConfig } from '../nn/classifier_config.ts';
import type { ModelConfig } from '../nn/families.ts';
import { balancedWeights, classifyTask, likeliestLabel } from '../tasks/classify.ts';
import { type ClassifyRows, classifyRows, labelledIds } from '../tasks/classify_rows.ts';
import { ClassScorer, meanLossOf } from '../train/class_scores.ts';
import { runName } from '../train/run_name.ts';
import { classWeights } from './class_weights.ts';
import { type ClassBaseline, classBaselines, classBaselineText, type Part } from './classify_baselines.ts';
import type { LabelledParts } from './labelled_parts.ts';
import type { LanguageRun, OpenedRows, RowsRequest, TaskFacts } from './opened.ts';
import type { OwnSettings } from './own_settings.ts';
import { rowData, rowShapes } from './row_data.ts';
import type { TaskSettings } from './settings.ts';
import { overLanguage } from './trained_model.ts';

export const CLASSIFY = {
  name: 'classify',
  own: ['textColumn', 'labelColumn', 'balance', 'classWeights', 'sampling', 'pooling', 'testPart'],
  defaults: {
    ...{ validationPart: 0.1, testPart: 0.2, sampleEvery: 0, batch: 8 },
    ...{ learningRate: 5e-5, minLearningRate: 5e-6 },
  },
  epochs: 5,
} as const satisfies TaskSettings;

/** What is read from an answer's place is in the settings, so that a run that goes on reads it there. */
export function poolingOf(config: ModelConfig): OwnSettings {
  return { pooling: defaultPooling(config) };
}

/** A part as it was measured at the end. */
export interface MeasuredPart {
  readonly part: Part;
  readonly rows: number;
  readonly report: ClassReport;
  readonly baseline: ClassBaseline;
}

/** @param onMeasured is told what the figures of a part are made of   @throws InputError for rows that cannot be learned from */
export function openClassify(
  request: RowsRequest,
  { set, distinct, parts }: LabelledParts,
  onMeasured: (measured: MeasuredPart) => void = () => {},
): OpenedRows {
  const { tokenizer, tell, data } = request;
  const { name: file, hash } = data;
  for (const line of set.notes) tell.note(line);
  for (const line of set.warnings) tell.warn(line);
  for (const line of distinctNotes(file, distinct)) tell.note(line);
  const { classes } = set;
  const { rows, config, tokens } = encoded(request, parts, classes);
  const baselines = classBaselines(parts, classes.length);
  tellRows(request, rows, parts, classes, baselines.validation);
  const labels = parts.train.map(({ label }) => label);
  const counts = countsByName(distinct.rows, classes);
  const dataset = {
    name: runName(file),
    ...{ trainRows: rows.train.length, validationRows: rows.validation.length, testRows: parts.test.length },
    classes: counts,
    ...{ tokenizer: tokenizer.kind, vocabSize: tokenizer.vocabSize, baselines: { ...baselines } },
  };
  const guessing = { label: `guessing among ${classes.length} classes`, value: Math.log(classes.length) };
  const facts: TaskFacts = {
    rows: { train: rows.train.length, validation: rows.validation.length, test: parts.test.length },
    counts: { tokens, trained: rows.train.length },
    classes: classes.map((name) => ({ name, rows: counts[name]! })),
    baselines: [
      { name: 'the most frequent class', value: baselines.validation.majority, unit: 'accuracy' },
      { name: 'naive Bayes', value: baselines.validation.naiveBayes, unit: 'accuracy' },
    ],
  };
  return overLanguage(request, {
    name: runName(file),
    facts,
    epochRows: rows.train.length,
    remembered: { data: file },
    shown: rows.train,
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
    async finish({ device, model, settings: { dtype } }: LanguageRun) {
      const scorer = new ClassScorer(device, model.model as Classifier, dtype);
      const onScored = () => {
        if (request.stop()) throw new StoppedError();
      };
      try {
        const found: Record<string, PartFigures> = {};
        for (const part of ['validation', 'test'] as const) {
          const own = rows[part];
          if (!own) continue;
          const scores = await scorer.scores(own, onScored);
          const truth = scores.map((__, i) => own.labelOf(i));
          const report = classReport(truth, scores.map(likeliestLabel), classes);
          onMeasured({ part, rows: own.length, report, baseline: baselines[part]! });
          found[part] = { loss: meanLossOf(scores, truth), accuracy: report.accuracy };
        }
        return found;
      } finally {
        scorer.release();
      }
    },
  });
}

interface PartFigures {
  [name: string]: number;
  loss: number;
  accuracy: number;
}

/** Texts as ids, cut to the context, in batches as the classifier takes them. `tokens` of those that are trained on. */
function encoded(request: RowsRequest, parts: Split<LabelledRow>, labels: readonly string[]) {
  const { settings, tokenizer, tell, data } = request;
  const { name: file } = data;
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
  if (note !== null) tell.note(`pooling: ${note}`);
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
    tell.note(`${file}: ${counted(cut, 'text')} longer than ${grouped(config.width ?? blockSize)} tokens cut to them.`);
  const tokens = ids.train.reduce((sum, row) => sum + Math.min(row.ids.length, blockSize), 0);
  return { rows, config, tokens };
}

function tellRows(
  { tell }: RowsRequest,
  rows: { train: ClassifyRows; validation: ClassifyRows; test: ClassifyRows | null },
  parts: Split<LabelledRow>,
  classes: readonly string[],
  baseline: ClassBaseline,
): void {
  const names = Object.entries(countsByName(parts.train, classes))
    .slice(0, 12)
    .map(([name, count]) => `${name} ${grouped(count)}`);
  const more = classes.length > 12 ? `, ${classes.length - 12} more` : '';
  const tests = rows.test ? `, ${grouped(rows.test.length)} to test` : '';
  tell.figures(
    `rows: ${grouped(rows.train.length)} to train on (${names.join(', ')}${more}), ${grouped(rows.validation.length)} to validate${tests}`,
  );
  tell.figures(`validation ${classBaselineText(baseline)}`);
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
