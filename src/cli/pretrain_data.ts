// Which texts a run learns from: as they were typed, as a saved run remembers them, and what is told of them.
import fs from 'node:fs';
import path from 'node:path';
import { Sha256 } from '../checkpoint/hash.ts';
import type { Scalar, Scalars } from '../checkpoint/training_state.ts';
import { type Corpus, checkWeights } from '../data/corpus.ts';
import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { disagreement } from './disagreement.ts';

export interface DataChoice {
  /** Files and folders, each a shard; none is the default book. */
  paths: readonly string[];
  /** How often windows are drawn from each; null counts tokens. */
  weights: readonly number[] | null;
  /** Field or column of the texts in JSONL and Parquet files. */
  textField: string;
}

interface DataFlags {
  data: readonly string[];
  dataWeights: string | undefined;
  textField: string | undefined;
}

/** What a run that is gone on with began with. */
export interface SavedData {
  settings: Scalars;
  dataHash: string;
  /** The step folder. */
  where: string;
}

/**
 * The texts that were typed, else those of the saved run.
 * @throws InputError for weights that are none, too few, too many or beside strided windows, and for what the saved run
 *   contradicts
 */
export function chooseData(flags: DataFlags, windows: 'random' | 'strided', saved: SavedData | null): DataChoice {
  const typed = flags.dataWeights === undefined ? undefined : readWeights(flags.dataWeights);
  if (!saved) {
    if (typed) refuseWeights(typed, flags.data, windows);
    return { paths: flags.data, weights: typed ?? null, textField: flags.textField ?? 'text' };
  }
  const before = savedChoice(saved);
  const { where } = saved;
  const paths = flags.data.length > 0 ? flags.data : before.paths;
  const [found, expected] = [Math.max(1, paths.length), Math.max(1, before.paths.length)];
  if (found !== expected)
    throw new InputError(
      `--data: found ${found} texts, expected ${expected}, with which ${where} began. Give all of them, or leave the flag out.`,
    );
  if (typed) refuseWeights(typed, paths, windows);
  // One text has one weight, whatever it is; it is not kept.
  if (typed && expected > 1 && String(typed) !== String(before.weights))
    throw disagreement('data-weights', typed, before.weights ?? 'none', where);
  if (flags.textField !== undefined && flags.textField !== before.textField)
    throw disagreement('text-field', quoted(flags.textField), quoted(before.textField), where);
  return { ...before, paths };
}

/** What training.json keeps: of one text its path alone, of several lists as JSON. */
export function rememberedData({ paths, weights, textField }: DataChoice, corpus: Corpus): Record<string, Scalar> {
  const field = textField === 'text' ? {} : { textField };
  if (corpus.shards.length === 1) return { data: paths[0] ?? null, ...field };
  const hashes = corpus.shards.map(({ hash }) => hash);
  return {
    data: JSON.stringify(paths),
    ...(weights && { dataWeights: weights.join() }),
    shards: JSON.stringify(hashes),
    ...field,
  };
}

/** Names the first of several texts that is another than the saved run's, or stands elsewhere. @throws InputError */
export function refuseOtherTexts({ paths }: DataChoice, corpus: Corpus, saved: SavedData): void {
  const before = hashesOf(saved);
  const other = corpus.shards.findIndex(({ hash }, i) => hash !== before[i]);
  if (corpus.shards.length === 1 || other < 0) return;
  const { hash } = corpus.shards[other]!;
  const place = before.indexOf(hash);
  const short = (text: string | undefined) => text?.slice(0, 12);
  const [found, advice] =
    place < 0
      ? [`another text (SHA-256 ${short(hash)})`, 'Resume with the data the run began with.']
      : [`the text that was number ${place + 1}`, 'Give the texts in the order the run began with.'];
  throw new InputError(
    `--data ${paths[other]}: found ${found}, expected number ${other + 1} of the texts with which ${saved.where} began ` +
      `(SHA-256 ${short(before[other])}). ${advice}`,
  );
}

function savedChoice(saved: SavedData): DataChoice {
  const { settings, where } = saved;
  const data = settings.get('data');
  const weights = settings.get('dataWeights');
  const field = settings.get('textField');
  const paths = settings.has('shards') ? listOf(data) : typeof data === 'string' ? [data] : [];
  const hashes = hashesOf(saved);
  return {
    paths: paths.map((name, i) => placeOf(name, hashes[i], where)),
    weights: typeof weights === 'string' ? readWeights(weights) : null,
    textField: typeof field === 'string' ? field : 'text',
  };
}

/**
 * Where a remembered text is: where it was, or beside the step folders, where a page's export puts it. Of two with its name the hash
 * tells which it is: another may stand in the current folder, and a run writes a samples.txt of its own.
 */
export function placeOf(name: string, hash: string | undefined, where: string): string {
  const beside = path.join(path.dirname(where), path.basename(name));
  if (!fs.existsSync(beside)) return name;
  if (!fs.existsSync(name)) return beside;
  const known = fs.statSync(beside).isFile() && new Sha256().update(fs.readFileSync(beside)).hex() === hash;
  return known ? beside : name;
}

function hashesOf({ settings, dataHash }: SavedData): string[] {
  return settings.has('shards') ? listOf(settings.get('shards')) : [dataHash];
}

/** A list of texts that was kept as JSON; none where it is damaged, which the comparison with the saved run then tells. */
function listOf(json: Scalar | undefined): string[] {
  try {
    const list: unknown = JSON.parse(String(json));
    return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

function readWeights(text: string): number[] {
  return text.split(',').map((part) => {
    const weight = /^(\d+\.?\d*|\.\d+)$/.test(part.trim()) ? Number(part) : Number.NaN;
    if (weight > 0 && Number.isFinite(weight)) return weight;
    throw new InputError(
      `--data-weights: found ${quoted(part)} in ${quoted(text)}, expected numbers above 0 with commas between. For example: --data-weights 7,3`,
    );
  });
}

/** @throws InputError */
function refuseWeights(weights: readonly number[], paths: readonly string[], windows: 'random' | 'strided'): void {
  const texts = Math.max(1, paths.length);
  checkWeights(weights, texts);
  if (windows === 'strided' && texts > 1)
    throw new InputError(
      '--data-weights: found beside --windows strided, expected random windows: strided ones come once an epoch each. Leave one of the two out.',
    );
}
