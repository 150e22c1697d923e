// Summaries by an encoder-decoder from nothing: it reads made-up reports of 5 to 8 sentences, each with the one sentence that says what
// matters in it, and is judged by reports with other facts.
// `npx tsx scripts/recipes/summarize.ts DIR [--seed 0] [--reports 16000] [--epochs 1] [--adapter NAME] [--json]`: DIR keeps the pairs
// (train.tsv, validation.tsv, test.tsv) and the run, so that the same words again go on with what was interrupted.
//
// Reports are made by chance, no two with the same facts: a tenth as many again to be judged by (1,000 at most), and some to validate on.
// The settings were chosen on seeds 11 and 13. A decoder that is asked in words learns to do the same in by-prompt.ts.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { diskStore } from '../../src/cli/tune/disk_store.ts';
import { InputError, RunError } from '../../src/errors.ts';
import { openDevice } from '../../src/runtime/device.ts';
import { exactMatch, rougeL } from '../../src/scores/rouge.ts';
import { fastKernels } from '../../src/tune/kernel_choice.ts';
import { factFigures, summaryFigures } from './answer_figures.ts';
import { keepFiles, pairLines } from './kept_files.ts';
import { wholeOf } from './recipe_flags.ts';
import { FACTS, type Facts, firstNamed, makeReports, type Report } from './reports.ts';
import { taughtRun } from './taught_run.ts';
import { writtenBy } from './written_by.ts';

/** Norms in front and rotary positions: of what was tried they learn to copy soonest. */
const SETTINGS =
  '--width 64 --heads 4 --encoder-layers 2 --decoder-layers 1 --norm pre --positions rotary --vocab-size 1000 --batch-tokens 2048 ' +
  '--learning-rate 0.004 --min-learning-rate 0 --schedule linear --dropout 0 --label-smoothing 0';

/** Reports to be judged by, and to validate on, at most. */
const [MOST_JUDGED, MOST_VALIDATED] = [1000, 200];

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const factWords = (facts: Readonly<Record<keyof Facts, number>>) =>
  FACTS.map((name) => `${name} ${percent(facts[name])}`).join(', ');

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '0' },
      reports: { type: 'string', default: '16000' },
      epochs: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      adapter: { type: 'string' },
    },
    allowPositionals: true,
  });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0)
    throw new InputError(`summarize: found ${positionals.length} folders, expected one for the pairs and the run.`);
  const seed = wholeOf('seed', values.seed, 0);
  const count = wholeOf('reports', values.reports, 1);
  const epochs = wholeOf('epochs', values.epochs, 1);
  const tenth = Math.ceil(count / 10);
  const [judged, validated] = [Math.min(MOST_JUDGED, tenth), Math.min(MOST_VALIDATED, tenth)];
  const reports = makeReports(count + judged + validated, seed);
  const parts = { train: reports.slice(0, count), test: reports.slice(count, count + judged) };
  const pairs = (list: readonly Report[]) =>
    pairLines(list.map(({ text, summary }) => ({ source: text, target: summary })));
  await keepFiles(folder, {
    'train.tsv': pairs(parts.train),
    'validation.tsv': pairs(reports.slice(count + judged)),
    'test.tsv': pairs(parts.test),
  });
  const more = [
    ...(values.json ? ['--json'] : []),
    ...(values.adapter === undefined ? [] : ['--adapter', values.adapter]),
  ];
  const data = ['--data', `${folder}/train.tsv`, '--validation-data', `${folder}/validation.tsv`];
  const course = ['--seed', `${seed}`, '--epochs', `${epochs}`];
  const run = `${folder}/run`;
  const code = await taughtRun(run, ['--task', 'summarize', ...data, ...SETTINGS.split(' '), ...course], more);
  if (code !== 0) return code;

  const device = await openDevice({
    kernels: fastKernels(diskStore(process.env)),
    ...(values.adapter !== undefined && { adapter: values.adapter }),
  });
  const summaries = await writtenBy(
    device,
    run,
    parts.test.map(({ text }) => text),
  );
  device.close();
  const references = [parts.test.map(({ summary }) => summary)];
  const figures = {
    ...summaryFigures(summaries, parts.test),
    rougeL: rougeL(summaries, references),
    exact: exactMatch(summaries, references),
    first: factFigures(
      parts.test.map(({ text }) => firstNamed(text)),
      parts.test,
    ),
  };
  const { whole, facts, first } = figures;
  const example = { text: parts.test[0]!.text, summary: summaries[0]!, expected: parts.test[0]!.summary };
  const text = [
    `${parts.test.length} reports not seen: ${percent(whole)} of the summaries with every fact right, ROUGE-L ${figures.rougeL.toFixed(4)}, ${percent(figures.exact)} to the letter`,
    `  ${factWords(facts)}`,
    `  what is named first: ${percent(first.whole)} whole; ${factWords(first.facts)}`,
    `  ${example.text}\n  -> ${example.summary}`,
  ];
  const said = { event: 'summaries', reports: parts.test.length, ...figures, example };
  process.stdout.write(`${values.json ? JSON.stringify(said) : text.join('\n')}\n`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const refused = error instanceof InputError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!refused && !(error instanceof RunError)) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = refused ? 2 : 1;
}
