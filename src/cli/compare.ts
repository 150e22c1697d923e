// pretrain --compare: runs beside each other, as a table and as one page with all curves. Trains nothing and needs no adapter.
import fs from 'node:fs';
import path from 'node:path';
import { diskLayer, replaceFile, systemError } from '../checkpoint/files.ts';
import { notWritable } from '../checkpoint/run_place.ts';
import { grouped } from '../data/counted.ts';
import { printable, quoted } from '../data/printable.ts';
import { InputError, RunError } from '../errors.ts';
import type { Json, StartEvent } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import type { CommandContext } from './command.ts';
import { type ComparedRun, readComparedRuns } from './compare_runs.ts';
import { type ComparedFigures, figuresTable, settingsTable } from './compare_table.ts';
import { kebabCase } from './flags.ts';
import { reportHtml } from './report.ts';
import { figuresOf, readRun } from './report_run.ts';
import { settingRows } from './run_settings.ts';

/** Flags that say something here; everything else is about training. */
const ALLOWED = new Set(['compare', 'out', 'json', 'quiet', 'debug']);

/**
 * Prints a row a run and writes the page.
 * @param words run folders
 * @param out file for the page; by default compare.html in the folder that holds the first run
 * @returns the exit code
 * @throws InputError for flags about training, what is no run, and a place that cannot be written; RunError if the write fails
 */
export async function compareRuns(
  context: CommandContext,
  words: readonly string[],
  out: string | undefined,
): Promise<number> {
  const other = [...context.given].find((name) => !ALLOWED.has(name));
  if (other !== undefined)
    throw new InputError(
      `--${kebabCase(other)}: found together with --compare, which trains nothing, expected only --out, --json, --quiet and --debug. Leave it out.`,
    );
  if (words.length === 0)
    throw new InputError(
      '--compare: found no run, expected run folders. For example: shaderformer pretrain --compare runs/moby-1 runs/moby-2',
    );
  if (out !== undefined) refusePagePlace(out);
  const runs = readComparedRuns(words, (line) => context.out.note(printable(line, true)));
  const file = out ?? path.join(runs[0]!.path, '..', 'compare.html');
  if (out === undefined) refusePagePlace(file);
  tell(context.out, runs);
  await writePage(file, runs);
  context.out.log(`report: ${printable(file, true)}`);
  return 0;
}

function tell(out: CommandContext['out'], runs: readonly ComparedRun[]): void {
  const figures = runs.map(figuresOfRun);
  const rows = settingRows(runs);
  const differing = rows.filter(({ differs }) => differs);
  figures.forEach(({ steps, trainLoss, validationLoss, best, parameters, tokensPerSecond, minutes }, i) => {
    out.emit({
      event: 'compare',
      run: runs[i]!.path,
      steps,
      trainLoss: trainLoss ?? null,
      validationLoss: validationLoss ?? null,
      bestValidationLoss: best?.value ?? null,
      bestStep: best?.step ?? null,
      parameters: parameters ?? null,
      tokensPerSecond: tokensPerSecond ?? null,
      minutes: minutes === undefined ? null : Number(minutes.toPrecision(4)),
      differs: Object.fromEntries(differing.map(({ name, values }) => [name, values[i] ?? null])),
    });
  });
  const { style } = out;
  for (const line of figuresTable(figures, out.width, style)) out.print(line);
  const going = runs.flatMap((run, i) => {
    const steps = figures[i]!.steps ?? 0;
    return run.totalSteps !== undefined && steps < run.totalSteps
      ? [`${run.name} is at step ${grouped(steps)} of ${grouped(run.totalSteps)}`]
      : [];
  });
  if (going.length > 0) out.print(style.dim(printable(going.join(', '), true)));
  if (runs.length === 1) return;
  out.print();
  const names = runs.map(({ name }) => name);
  if (differing.length === 0) out.print('no setting differs');
  else for (const line of settingsTable(names, differing, style)) out.print(line);
  const partial = runs.filter((run) => run.partial).map(({ name }) => name);
  if (partial.length > 0)
    out.note(printable(`${partial.join(', ')}: no whole checkpoint yet, so only some settings are known`, true));
  const incomparable = differing.filter(({ name }) => name === 'dataHash' || name === 'tokenizerHash');
  if (incomparable.length > 0)
    out.note('the runs read different text or tokens: their losses do not measure the same thing');
}

function figuresOfRun({ name, events, tokensPerStep }: ComparedRun): ComparedFigures {
  const run = readRun(events);
  const speeds = run.steps.map((step) => step.tokensPerSecond);
  const minutes =
    tokensPerStep !== undefined && speeds.every((speed) => speed > 0)
      ? speeds.reduce((sum, speed) => sum + tokensPerStep / speed, 0) / 60
      : undefined;
  return { name, ...figuresOf(run), minutes };
}

async function writePage(file: string, runs: readonly ComparedRun[]): Promise<void> {
  const title = runs.length === 1 ? runs[0]!.path : runs.map(({ name }) => name).join(', ');
  const html = reportHtml({ title: title.slice(0, 120), runs, references: guessing(runs) });
  const [folder, name] = [path.dirname(file), path.basename(file)];
  try {
    await replaceFile(diskLayer, folder, name, new TextEncoder().encode(html));
  } catch (error) {
    diskLayer.remove(`${folder}/.tmp-${name}`);
    throw new RunError(`${file}: could not be written: ${systemError(error)}. Choose another place with --out.`, {
      cause: error,
    });
  }
}

/** What guessing costs, where all runs have the same vocabulary. */
function guessing(runs: readonly ComparedRun[]): Reference[] {
  const sizes = runs.map(({ events }) => {
    const start = events.findLast((event): event is StartEvent => event.event === 'start');
    return (start?.config as { readonly [key: string]: Json } | null | undefined)?.vocabSize;
  });
  const size = sizes[0];
  return typeof size === 'number' && size > 1 && sizes.every((each) => each === size)
    ? [{ label: `guessing among ${size}`, value: Math.log(size) }]
    : [];
}

/** Refuses before anything is read what could not be written. @throws InputError */
function refusePagePlace(file: string): void {
  if (!/\.html?$/i.test(file))
    throw new InputError(
      `--out: found ${quoted(file)}, expected the name of an .html file beside --compare. For example: --out compare.html`,
    );
  const folder = path.dirname(file);
  try {
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() === false)
      throw new InputError(`${file}: found a folder, expected a file or a new name. Choose another with --out.`);
    if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory())
      throw new InputError(`${file}: the folder ${folder} does not exist, expected one to put the page into. Make it.`);
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (error) {
    throw error instanceof InputError ? error : notWritable(folder, error);
  }
}
