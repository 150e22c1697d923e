// A corpus: a text of any size, split into train and validation, turned into tokens once, and read by slices from a cache on
// disk. The text is walked twice (count, hash and check; then encode) and never stands in memory.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { InputError } from '../errors.ts';
import { ByteTokenizer } from './byte.ts';
import { CharTokenizer } from './char.ts';
import { chunkEncoder } from './chunks.ts';
import { Gpt2Tokenizer } from './gpt2.ts';
import { DOCUMENT_END, readText, TextCounter, type TextFacts, unknownCharacter } from './text_reader.ts';
import { findText, type TextSource } from './text_source.ts';
import { CACHE_VERSION, TokenFile, TokenWriter } from './token_cache.ts';
import type { Tokenizer, TokenizerKind } from './tokenizer.ts';

export type CorpusProgress =
  | { readonly kind: 'reading' | 'encoding'; readonly bytes: number; readonly total: number | null }
  | { readonly kind: 'note'; readonly text: string };

export interface CorpusOptions {
  /** A text file, or a folder of them. Default: Moby-Dick from its package. */
  readonly data?: string | undefined;
  /** 'char' builds a vocabulary of the text's own characters. */
  readonly tokenizer: TokenizerKind | Tokenizer;
  /** The part of the text, from its end, that is kept for validation. Default 0.1. */
  readonly validationPart?: number | undefined;
  /** Where token files are kept. */
  readonly cacheDir: string;
  /** Whether `<|endoftext|>` inside the text is a control token. Default false: only the ends of a folder's files are. */
  readonly allowSpecial?: boolean | undefined;
  readonly onProgress?: ((progress: CorpusProgress) => void) | undefined;
}

export class Corpus {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** Text bytes and characters, byte order marks and document ends left out. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256 of the text bytes, hex. */
  readonly hash: string;
  /** Tokens in all and in the parts. */
  readonly length: number;
  readonly trainLength: number;
  readonly validationLength: number;
  /** Text bytes that the validation tokens stand for: what bits per byte divides by. */
  readonly validationBytes: number;
  readonly #tokens: TokenFile;

  constructor(name: string, tokenizer: Tokenizer, facts: TextFacts, tokens: TokenFile) {
    this.name = name;
    this.tokenizer = tokenizer;
    this.bytes = facts.bytes;
    this.characters = facts.characters;
    this.hash = facts.hash;
    this.trainLength = tokens.trainLength;
    this.validationLength = tokens.validationLength;
    this.validationBytes = tokens.validationBytes;
    this.length = tokens.trainLength + tokens.validationLength;
    this.#tokens = tokens;
  }

  /** `n` token ids of the train part from `start`. @throws RangeError outside the part */
  train(start: number, n: number): Int32Array {
    checkRange('train', start, n, this.trainLength);
    return this.#tokens.read(start, n);
  }

  /** `n` token ids of the validation part from `start`. @throws RangeError outside the part */
  validation(start: number, n: number): Int32Array {
    checkRange('validation', start, n, this.validationLength);
    return this.#tokens.read(this.trainLength + start, n);
  }

  close(): void {
    this.#tokens.close();
  }
}

/**
 * Opens a text as tokens. The split is nanoGPT's: the first characters train, the last tenth validates, each encoded alone.
 * @throws InputError for a text that is missing, empty, binary, not UTF-8 or unknown to a given tokenizer, and for a cache
 *   folder that cannot be written
 */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const { cacheDir, onProgress, allowSpecial = false } = options;
  const part = options.validationPart ?? 0.1;
  if (!(part > 0 && part < 1)) {
    throw new InputError(`--validation-part: found ${part}, expected a number above 0 and below 1, such as 0.1.`);
  }
  const source = findText(options.data);
  for (const text of source.notes) onProgress?.({ kind: 'note', text });
  const given = options.tokenizer === 'char' ? null : await tokenizerOf(options.tokenizer);
  const endOfText = given !== null && given.eosId !== null;

  const counter = new TextCounter();
  await walk(
    source,
    endOfText,
    (textPart) => counter.add(textPart),
    counter,
    { kind: 'reading', total: null },
    onProgress,
  );
  const facts = counter.facts();
  if (facts.characters === 0)
    throw new InputError(`${source.name}: found an empty text, expected characters to learn from.`);
  const tokenizer = given ?? CharTokenizer.fromCodePoints(facts.codePoints);
  if (tokenizer instanceof CharTokenizer) {
    const unknown = new Set([...facts.codePoints].filter((code) => !tokenizer.has(code)));
    if (unknown.size > 0) throw unknownCharacter(source, unknown, tokenizer.vocabSize);
  }
  if (facts.codePoints.size === 1) {
    onProgress?.({
      kind: 'note',
      text: `${source.name}: one character repeated: there is nothing to learn, the loss will be 0.`,
    });
  }

  const identity = tokenizer.kind === 'char' ? sha256(tokenizer.files().get('tokenizer.json')!) : tokenizer.kind;
  const key = sha256(JSON.stringify([CACHE_VERSION, facts.hash, facts.documentEnds, identity, part, allowSpecial]));
  const file = path.join(cacheDir, `${facts.hash.slice(0, 12)}-${tokenizer.kind}-${key.slice(0, 16)}.tokens`);
  let tokens = TokenFile.open(file);
  if (tokens === 'damaged') onProgress?.({ kind: 'note', text: `${file}: damaged, writing it again.` });
  if (tokens === null || tokens === 'damaged') {
    await encode(source, facts, tokenizer, part, allowSpecial, file, onProgress);
    tokens = TokenFile.open(file);
  }
  if (tokens === null || tokens === 'damaged') throw new InputError(`${file}: cannot be read back. Is the disk sound?`);
  return new Corpus(source.name, tokenizer, facts, tokens);
}

/**
 * @throws InputError if the train or the validation part is shorter than one context and its last target
 */
export function requireContext(
  corpus: Pick<Corpus, 'name' | 'trainLength' | 'validationLength'>,
  blockSize: number,
): void {
  const { name, trainLength, validationLength } = corpus;
  const least = Math.min(trainLength, validationLength);
  if (least > blockSize) return;
  const part = trainLength <= validationLength ? 'train' : 'validation';
  const advice = least >= 2 ? `Use --context ${least - 1}, or a longer text.` : 'Use a longer text.';
  throw new InputError(
    `${name}: found ${least} tokens in the ${part} part, expected at least ${blockSize + 1} for a context of ${blockSize}. ${advice}`,
  );
}

async function tokenizerOf(tokenizer: TokenizerKind | Tokenizer): Promise<Tokenizer> {
  if (typeof tokenizer !== 'string') return tokenizer;
  if (tokenizer === 'byte') return new ByteTokenizer();
  if (tokenizer === 'gpt2') return Gpt2Tokenizer.load();
  throw new InputError(`--tokenizer: found "${tokenizer}", expected char, byte, gpt2 or a folder with a tokenizer.`);
}

/** The second walk: encodes the train part and the validation part, each by its own encoder, into a token file. */
async function encode(
  source: TextSource,
  facts: TextFacts,
  tokenizer: Tokenizer,
  validationPart: number,
  allowSpecial: boolean,
  file: string,
  onProgress: CorpusOptions['onProgress'],
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
    await walk(source, tokenizer.eosId !== null, step, counter, { kind: 'encoding', total: facts.bytes }, onProgress);
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
  source: TextSource,
  endOfText: boolean,
  step: (part: string | typeof DOCUMENT_END) => void,
  counter: TextCounter,
  progress: { kind: 'reading' | 'encoding'; total: number | null },
  onProgress: CorpusOptions['onProgress'],
): Promise<void> {
  let told = 0;
  for (const part of readText(source, endOfText)) {
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

function checkRange(part: string, start: number, n: number, length: number): void {
  if (Number.isInteger(start) && Number.isInteger(n) && start >= 0 && n >= 0 && start + n <= length) return;
  throw new RangeError(`${part}: tokens ${start} to ${start + n} are outside 0 to ${length}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
