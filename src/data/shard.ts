// A shard: one text of a corpus, split into train and validation, turned into tokens once, and read by slices from a cache on
// disk. The text is walked twice (count, hash and check; then encode) and never stands in memory. The cache file belongs to
// text, tokenizer and split, so that every corpus with this shard uses it again.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { InputError } from '../errors.ts';
import { chunkEncoder } from './chunks.ts';
import { DOCUMENT_END, readText, TextCounter, type TextFacts, unknownCharacter } from './text_reader.ts';
import { findText, formOf, type TextSource } from './text_source.ts';
import { CACHE_VERSION, TokenFile, TokenWriter } from './token_cache.ts';
import type { Tokenizer } from './tokenizer.ts';

export type CorpusProgress =
  | { readonly kind: 'reading' | 'encoding'; readonly bytes: number; readonly total: number | null }
  | { readonly kind: 'note'; readonly text: string };

export interface ShardOptions {
  /** The field of JSONL rows and the column of Parquet tables that holds the text. Default: text. */
  readonly textField?: string | undefined;
  /** The part of the text, from its end, that is kept for validation. Default 0.1. */
  readonly validationPart?: number | undefined;
  /** Where token files are kept. */
  readonly cacheDir: string;
  /** Whether `<|endoftext|>` inside the text is a control token. Default false: only the ends of files and rows are. */
  readonly allowSpecial?: boolean | undefined;
  readonly onProgress?: ((progress: CorpusProgress) => void) | undefined;
}

/** A text that was walked once. */
export interface CountedText {
  readonly source: TextSource;
  /** Whether document ends were counted as tokens of their own. */
  readonly endOfText: boolean;
  readonly facts: TextFacts;
}

/**
 * The first walk: counts, hashes and checks the text at a path, or the default book.
 * @param endOfText whether the tokenizer has an end-of-text token
 * @throws InputError for a text that is missing, empty, binary or not UTF-8, and for rows that cannot be used
 */
export async function countText(
  data: string | undefined,
  endOfText: boolean,
  { textField, onProgress }: ShardOptions,
): Promise<CountedText> {
  const note = (text: string) => onProgress?.({ kind: 'note', text });
  const source = findText(data);
  for (const text of source.notes) note(text);
  const counter = new TextCounter();
  const parts = readText(source, endOfText, { textField, onNote: note });
  await walk(parts, (part) => counter.add(part), counter, { kind: 'reading', total: null }, onProgress);
  const facts = counter.facts();
  if (facts.characters === 0) {
    const rows = source.files.some((file) => formOf(file) !== 'text');
    const advice = rows
      ? 'It has no rows, or none with text: name another field with --text-field, or another text with --data.'
      : 'Name another text with --data.';
    throw new InputError(`${data ?? source.name}: found an empty text, expected characters to learn from. ${advice}`);
  }
  return { source, endOfText, facts };
}

export class Shard {
  readonly name: string;
  /** Text bytes and characters, byte order marks and document ends left out. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256 of the text bytes, hex. */
  readonly hash: string;
  /** Tokens in the parts. */
  readonly trainLength: number;
  readonly validationLength: number;
  /** Text bytes that the validation tokens stand for. */
  readonly validationBytes: number;
  readonly #tokens: TokenFile;

  constructor(name: string, facts: TextFacts, tokens: TokenFile) {
    this.name = name;
    this.bytes = facts.bytes;
    this.characters = facts.characters;
    this.hash = facts.hash;
    this.trainLength = tokens.trainLength;
    this.validationLength = tokens.validationLength;
    this.validationBytes = tokens.validationBytes;
    this.#tokens = tokens;
  }

  /** `n` token ids from `start`, counted through the train part and on through the validation part. */
  read(start: number, n: number): Int32Array {
    return this.#tokens.read(start, n);
  }

  close(): void {
    this.#tokens.close();
  }
}

/**
 * The tokens of a counted text: from the cache, or encoded into it.
 * @throws InputError for characters that the tokenizer does not know, a text that changed, and a cache folder that cannot be
 *   written
 */
export async function openShard(text: CountedText, tokenizer: Tokenizer, options: ShardOptions): Promise<Shard> {
  const { source, facts } = text;
  const { cacheDir, onProgress, textField, validationPart = 0.1, allowSpecial = false } = options;
  const unknown = new Set([...facts.codePoints].filter((code) => tokenizer.has?.(code) === false));
  if (unknown.size > 0) throw await unknownCharacter(source, unknown, tokenizer.vocabSize, textField);
  const fixed = tokenizer.kind === 'byte' || tokenizer.kind === 'gpt2';
  const identity = fixed ? tokenizer.kind : sha256(tokenizer.files().get('tokenizer.json')!);
  const parts = [CACHE_VERSION, facts.hash, facts.documentEnds, identity, validationPart, allowSpecial];
  const key = sha256(JSON.stringify(parts)).slice(0, 16);
  const file = path.join(cacheDir, `${facts.hash.slice(0, 12)}-${tokenizer.kind}-${key}.tokens`);
  let tokens = TokenFile.open(file);
  if (tokens === 'damaged') onProgress?.({ kind: 'note', text: `${file}: damaged, writing it again.` });
  if (tokens === null || tokens === 'damaged') {
    await encode(text, tokenizer, file, options);
    tokens = TokenFile.open(file);
  }
  if (tokens === null || tokens === 'damaged') throw new InputError(`${file}: cannot be read back. Is the disk sound?`);
  return new Shard(source.name, facts, tokens);
}

/** The second walk: encodes the train part and the validation part, each by its own encoder, into a token file. */
async function encode(
  { source, endOfText, facts }: CountedText,
  tokenizer: Tokenizer,
  file: string,
  { validationPart = 0.1, allowSpecial = false, textField, onProgress }: ShardOptions,
): Promise<void> {
  const trainCharacters = Math.floor(facts.characters * (1 - validationPart));
  const counter = new TextCounter();
  let encoder = chunkEncoder(tokenizer, { allowSpecial });
  let trainLength: number | null = null;
  let trainBytes = 0;
  let writer: TokenWriter | undefined;
  try {
    const out = (writer = new TokenWriter(file, tokenizer.vocabSize));
    const step = (part: string | typeof DOCUMENT_END) => {
      const before = counter.characters;
      const bytesBefore = counter.bytes;
      counter.add(part);
      if (part === DOCUMENT_END) {
        out.write(encoder.end());
        out.write([tokenizer.eosId!]);
      } else if (trainLength === null && counter.characters >= trainCharacters) {
        const cut = indexOfCharacter(part, trainCharacters - before);
        out.write(encoder.push(part.slice(0, cut)));
        out.write(encoder.end());
        trainLength = out.count;
        trainBytes = bytesBefore + Buffer.byteLength(part.slice(0, cut));
        encoder = chunkEncoder(tokenizer, { allowSpecial });
        out.write(encoder.push(part.slice(cut)));
      } else {
        out.write(encoder.push(part));
      }
    };
    const parts = readText(source, endOfText, { textField });
    await walk(parts, step, counter, { kind: 'encoding', total: facts.bytes }, onProgress);
    out.write(encoder.end());
    if (counter.facts().hash !== facts.hash) {
      throw new InputError(
        `${source.name}: the text changed while it was read. Start again when nothing writes to it.`,
      );
    }
    out.commit(trainLength ?? out.count, counter.bytes - trainBytes);
  } catch (error) {
    writer?.abort();
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code !== 'string') throw error;
    const advice = code === 'ENOSPC' ? 'Free some space' : 'Check the folder';
    throw new InputError(
      `${file}: cannot be written (${code}), expected a folder for token files. ${advice}, or move it.`,
    );
  }
}

/** Feeds each part of the text to `step`; every 2 MiB other work of the process gets its turn (signals, the progress line). */
async function walk(
  parts: AsyncIterable<string | typeof DOCUMENT_END>,
  step: (part: string | typeof DOCUMENT_END) => void,
  counter: TextCounter,
  progress: { kind: 'reading' | 'encoding'; total: number | null },
  onProgress: ShardOptions['onProgress'],
): Promise<void> {
  let told = 0;
  for await (const part of parts) {
    step(part);
    if (counter.bytes - told < 2 ** 21) continue;
    told = counter.bytes;
    onProgress?.({ ...progress, bytes: told });
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Where character number n of a text begins, in code units. */
function indexOfCharacter(text: string, n: number): number {
  let at = 0;
  for (let i = 0; i < n; i++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
