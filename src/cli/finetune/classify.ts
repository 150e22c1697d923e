// finetune --task classify: texts with a class each. A linear layer over the model's last states says which.
import { classReport, classReportText } from '../../data/confusion.ts';
import { type LabelledRow, readLabelled } from '../../data/labelled.ts';
import { majorityClass, naiveBayes, type TextClassifier } from '../../data/naive_bayes.ts';
import { distinctNotes, distinctRows, type Split, splitRows } from '../../data/split.ts';
import { InputError } from '../../errors.ts';
import { Classifier } from '../../nn/classifier.ts';
import type { ClassifierConfig } from '../../nn/classifier_config.ts';
import { balancedWeights, classifyTask } from '../../tasks/classify.ts';
import { type ClassifyRows, classifyRows, labelledIds } from '../../tasks/classify_rows.ts';
import { counted, grouped } from '../format.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { classWeights } from './class_weights.ts';
import { dataFile, hashOfFile, runName } from './data_file.ts';
import { measureClasses } from './measure_classes.ts';
import { rowData, rowShapes } from './row_data.ts';
import type { FinetuneTask, OpenedTask, TaskRequest } from './task.ts';

type Part = 'train' | 'validation' | 'test';

export const classify: FinetuneTask = {
  name: 'classify',
  about: 'a class for a text',
  flags: ['text-column', 'label-column', 'balance', 'class-weights', 'sampling', 'pooling', 'test-part'],
  without: ['label-smoothing', 'sample-every'],
  defaults: {
    ...{ validationPart: 0.1, testPart: 0.2, sampleEvery: 0, batch: 8 },
    ...{ learningRate: 5e-5, minLearningRate: 5e-6 },
  },
  epochs: 5,
  open: async (request) => openClassify(request),
};

function openClassify(request: TaskRequest): OpenedTask {
  const { context, settings, tokenizer, seed } = request;
  const { out } = context;
  const file = dataFile(request);
  const set = readLabelled(file, {
    textColumn: settings.textColumn || undefined,
    labelColumn: settings.labelColumn || undefined,
  });
  for (const line of set.notes) out.note(printable(line, true));
  for (const line of set.warnings) out.warn(printable(line, true));
  const distinct = distinctRows(set.rows);
  for (const line of distinctNotes(file, distinct)) out.note(printable(line, true));
  const { validationPart, testPart = 0, balance = false } = settings;
  if (validationPart + testPart >= 1)
    throw new InputError(
      `--test-part: found ${testPart} beside a validation part of ${validationPart}, expected parts that leave rows to train on. Make one of them smaller.`,
    );
  const parts = splitRows(distinct.rows, {
    seed,
    balance,
    train: 1 - validationPart - testPart,
    validation: validationPart,
  });
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
          ...{ tokenizer, hash, dataset, references: [guessing] },
          ...(asked.sampling === 'balanced' && { classes: labels }),
        },
        asked,
        own,
      ),
    sample: async () => '',
    firstLoss: (loss) => firstLossOf(loss, guessing.value),
    async finish({ device, model, settings: { batch } }) {
      const found: Record<string, { loss: number; accuracy: number }> = {};
      for (const part of ['validation', 'test'] as const) {
        const own = rows[part];
        if (!own) continue;
        const { loss, said } = await measureClasses(device, model, own, batch);
        const report = classReport(
          Array.from({ length: own.length }, (_, i) => own.labelOf(i)),
          said,
          classes,
        );
        out.log();
        out.log(`${part}: ${counted(own.length, 'row')}`);
        out.log(classReportText(report, (name) => printable(name, true)));
        out.log(out.style.dim(baselineText(baselines[part]!)));
        found[part] = { loss, accuracy: report.accuracy };
      }
      out.log();
      return found;
    },
    next: (folder) => `ask it: npm run predict -- --model ${folder} < texts.txt`,
  };
}

/** Texts as ids, cut to the context, in batches as the classifier takes them. */
function encoded(request: TaskRequest, file: string, parts: Split<LabelledRow>, labels: readonly string[]) {
  const { context, settings, tokenizer } = request;
  const { pooling = 'last-token', context: blockSize } = settings;
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
  const made = { ...config, blockSize };
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
