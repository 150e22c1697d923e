// A corpus: one text or several, each a shard with its own tokens on disk, read as one long list of tokens for training and
// another one for validation. One tokenizer serves all shards.
import { createHash } from 'node:crypto';
import { InputError } from '../errors.ts';
import { ByteTokenizer } from './byte.ts';
import { CharTokenizer } from './char.ts';
import { Gpt2Tokenizer } from './gpt2.ts';
import { type CorpusProgress, countText, openShard, type Shard, type ShardOptions } from './shard.ts';
import { findText, requireRows } from './text_source.ts';
import type { Tokenizer, TokenizerKind } from './tokenizer.ts';
import type { WindowShard } from './windows.ts';

export type { CorpusProgress };

export interface CorpusOptions extends ShardOptions {
  /** A file with text (plain, JSONL, Parquet) or a folder of them; of several each is a shard. Default: Moby-Dick from its package. */
  readonly data?: string | readonly string[] | undefined;
  /** How often windows are drawn from each shard, in proportion. Default: by its tokens, as if all were one text. */
  readonly weights?: readonly number[] | undefined;
  /** 'char' builds a vocabulary of the characters of all shards. */
  readonly tokenizer: TokenizerKind | Tokenizer;
}

export class Corpus {
  /** Of the text, or of all texts. */
  readonly name: string;
  readonly tokenizer: Tokenizer;
  readonly shards: readonly Shard[];
  /** As they were given; null where shards count by their tokens. */
  readonly weights: readonly number[] | null;
  /** Text bytes and characters, byte order marks and document ends left out. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256, hex: of the text bytes; of several shards that of their hashes and weights, in their order. */
  readonly hash: string;
  /** Tokens in all and in the parts. */
  readonly length: number;
  readonly trainLength: number;
  readonly validationLength: number;
  /** Text bytes that the validation tokens stand for: what bits per byte divides by. */
  readonly validationBytes: number;
  /** Where each shard's tokens end in the parts. */
  readonly trainEnds: readonly number[];
  readonly validationEnds: readonly number[];

  constructor(tokenizer: Tokenizer, shards: readonly Shard[], weights: readonly number[] | null = null) {
    const sum = (of: (shard: Shard) => number) => shards.reduce((total, shard) => total + of(shard), 0);
    this.name = nameOf(shards);
    this.tokenizer = tokenizer;
    this.shards = shards;
    this.weights = weights;
    this.bytes = sum((shard) => shard.bytes);
    this.characters = sum((shard) => shard.characters);
    this.hash = hashOf(shards, weights);
    this.trainLength = sum((shard) => shard.trainLength);
    this.validationLength = sum((shard) => shard.validationLength);
    this.validationBytes = sum((shard) => shard.validationBytes);
    this.length = this.trainLength + this.validationLength;
    this.trainEnds = runningSum(shards.map((shard) => shard.trainLength));
    this.validationEnds = runningSum(shards.map((shard) => shard.validationLength));
  }

  /** `n` token ids of the train parts, one shard's after the other's, from `start`. @throws RangeError outside */
  train(start: number, n: number): Int32Array {
    checkRange('train', start, n, this.trainLength);
    return joined(start, n, this.trainEnds, (shard, at, count) => this.shards[shard]!.read(at, count));
  }

  /** `n` token ids of the validation parts, one shard's after the other's, from `start`. @throws RangeError outside */
  validation(start: number, n: number): Int32Array {
    checkRange('validation', start, n, this.validationLength);
    return joined(start, n, this.validationEnds, (number, at, count) => {
      const shard = this.shards[number]!;
      return shard.read(shard.trainLength + at, count);
    });
  }

  /** Tokens and weight of each shard's train part, as a sampler wants them; undefined where there is one shard. */
  windowShards(): readonly WindowShard[] | undefined {
    if (this.shards.length === 1) return undefined;
    return this.shards.map(({ trainLength }, i) => ({ length: trainLength, weight: this.weights?.[i] ?? trainLength }));
  }

  close(): void {
    for (const shard of this.shards) shard.close();
  }
}

/**
 * Opens texts as tokens. The split is nanoGPT's, in each shard: the first characters train, the last tenth validates, each
 * encoded alone.
 * @throws InputError for a text that is missing, empty, binary, not UTF-8 or unknown to a given tokenizer, for weights that do
 *   not fit, and for a cache folder that cannot be written
 */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const { data, onProgress, validationPart = 0.1 } = options;
  if (!(validationPart > 0 && validationPart < 1)) {
    throw new InputError(
      `--validation-part: found ${validationPart}, expected a number above 0 and below 1, such as 0.1.`,
    );
  }
  const paths = typeof data !== 'object' ? [data] : data.length > 0 ? data : [undefined];
  const weights = options.weights?.length ? options.weights : null;
  if (weights) checkWeights(weights, paths.length);
  requireRows(paths.map(findText), options.textField);
  const given = options.tokenizer === 'char' ? null : await tokenizerOf(options.tokenizer);
  const endOfText = given !== null && given.eosId !== null;
  const texts = [];
  for (const text of paths) texts.push(await countText(text, endOfText, options));
  const codePoints = new Set(texts.flatMap(({ facts }) => [...facts.codePoints]));
  const tokenizer = given ?? CharTokenizer.fromCodePoints(codePoints);
  const shards: Shard[] = [];
  try {
    for (const text of texts) shards.push(await openShard(text, tokenizer, options));
  } catch (error) {
    for (const shard of shards) shard.close();
    throw error;
  }
  const corpus = new Corpus(tokenizer, shards, weights);
  if (codePoints.size === 1)
    onProgress?.({
      kind: 'note',
      text: `${corpus.name}: one character repeated: there is nothing to learn, the loss will be 0.`,
    });
  return corpus;
}

/** One weight a text. @throws InputError for too few, too many, and numbers that are none or not above 0 */
export function checkWeights(weights: readonly number[], shards: number): void {
  const wrong = weights.find((weight) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong !== undefined)
    throw new InputError(`--data-weights: found ${wrong}, expected numbers above 0. For example: --data-weights 7,3`);
  if (weights.length === shards) return;
  const found = `${weights.length} number${weights.length === 1 ? '' : 's'} for ${shards} --data`;
  throw new InputError(
    `--data-weights: found ${found}, expected one for each. For example: --data books.txt --data code.jsonl --data-weights 7,3`,
  );
}

async function tokenizerOf(tokenizer: TokenizerKind | Tokenizer): Promise<Tokenizer> {
  if (typeof tokenizer !== 'string') return tokenizer;
  if (tokenizer === 'byte') return new ByteTokenizer();
  if (tokenizer === 'gpt2') return Gpt2Tokenizer.load();
  throw new InputError(`--tokenizer: found "${tokenizer}", expected char, byte, gpt2 or a folder with a tokenizer.`);
}

function nameOf(shards: readonly Shard[]): string {
  const names = shards.map(({ name }) => name);
  return names.length <= 3 ? names.join(' + ') : `${names.slice(0, 2).join(' + ')} + ${names.length - 2} more`;
}

function hashOf(shards: readonly Shard[], weights: readonly number[] | null): string {
  if (shards.length === 1) return shards[0]!.hash;
  const parts = shards.map(({ hash }, i) => [hash, weights?.[i] ?? null]);
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function runningSum(lengths: readonly number[]): number[] {
  let total = 0;
  return lengths.map((length) => (total += length));
}

/** Reads a range that may run over the ends of shards, shard by shard. */
function joined(
  start: number,
  n: number,
  ends: readonly number[],
  read: (shard: number, start: number, n: number) => Int32Array,
): Int32Array {
  if (ends.length === 1) return read(0, start, n);
  const ids = new Int32Array(n);
  for (let shard = 0, done = 0; done < n; shard++) {
    const first = ends[shard - 1] ?? 0;
    const at = start + done - first;
    const count = Math.min(n - done, ends[shard]! - first - at);
    if (count <= 0) continue;
    ids.set(read(shard, at, count), done);
    done += count;
  }
  return ids;
}

function checkRange(part: string, start: number, n: number, length: number): void {
  if (Number.isInteger(start) && Number.isInteger(n) && start >= 0 && n >= 0 && start + n <= length) return;
  throw new RangeError(`${part}: tokens ${start} to ${start + n} are outside 0 to ${length}`);
}
