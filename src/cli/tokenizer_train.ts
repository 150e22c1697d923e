// tokenizer train: reads texts piece by piece, learns merges or words, and writes the folder once everything is known.
import fs from 'node:fs';
import { diskLayer } from '../checkpoint/files.ts';
import { BpeTokenizer, type MergePair } from '../data/bpe.ts';
import { PieceCounter } from '../data/bpe_count.ts';
import { mergesFor } from '../data/bpe_train.ts';
import { fromVisible } from '../data/byte_level.ts';
import { counted, grouped } from '../data/counted.ts';
import { printable, quoted } from '../data/printable.ts';
import { DOCUMENT_END } from '../data/text_reader.ts';
import { findText, type TextSource } from '../data/text_source.ts';
import { END_OF_TEXT, type Tokenizer, WordTokenizer } from '../data/tokenizer.ts';
import { PAD, UNKNOWN, wordPieces, wordTokenizer } from '../data/word_train.ts';
import { InputError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { byteText } from './format.ts';
import { placeForFolder, writeFolder } from './new_folder.ts';
import { RateLine } from './rate_line.ts';
import type { TokenizerFlags } from './tokenizer.ts';
import { isPlain, type PartsOptions, partsToLearn, requireTables } from './tokenizer_parts.ts';

const BYTES = 256;
/** Other work of the process (a signal, the progress line) gets its turn this often. */
const TURN_MS = 50;

/** `tokenizer train`. */
export async function trainTokenizer({ out, signal }: CommandContext, flags: TokenizerFlags): Promise<number> {
  const special = flags.special.length > 0 ? flags.special : [END_OF_TEXT];
  refuseSpecial(special, flags.kind);
  if (flags.keepCase && flags.kind !== 'word')
    throw new InputError('--keep-case: found without --kind word, expected it there alone: a BPE always keeps it.');
  const vocabSize = wantedSize(flags.vocabSize, flags.kind, special.length);
  if (flags.out === undefined)
    throw new InputError('--out: found nothing, expected a new folder. For example: --out tokens-500');
  const place = placeForFolder(diskLayer, flags.out);
  const sources = flags.data.length > 0 ? flags.data.map(findText) : [findText()];
  requireTables(sources, flags);
  const since = performance.now();
  const stopped = () => signal.requested;

  const learning = LEARNINGS[flags.kind](special, flags.keepCase);
  const { counter } = learning;
  const bytes = await count(counter, sources, flags, { out, signal });
  if (stopped()) return signal.exitCode;
  if (counter.counts.size === 0)
    throw new InputError(
      `${flags.data[0] ?? sources[0]!.name}: found ${bytes > 0 ? 'only special tokens' : 'an empty text'}, expected characters to learn from. Name another text with --data.`,
    );

  const { tokenizer, learned, words, short } = await learning.learn(vocabSize, { out, signal });
  if (stopped()) return signal.exitCode;

  await writeFolder(diskLayer, place, tokenizer.files());
  const { tokens, unknown } = tokensOf(counter, tokenizer);
  const bytesPerToken = tokens === 0 ? 0 : Math.round((1000 * bytes) / tokens) / 1000;
  const { vocabSize: reached } = tokenizer;
  if (reached < vocabSize)
    out.warn(
      `--vocab-size: found ${grouped(vocabSize)}, reached ${grouped(reached)}: ${short} A longer text gives more.`,
    );
  const seconds = Math.round((performance.now() - since) / 10) / 100;
  const unknownShare = unknown === null ? undefined : Math.round((1e5 * unknown) / Math.max(1, tokens)) / 1e5;
  out.emit({
    out: place,
    vocabSize: reached,
    ...learned,
    special,
    bytes,
    bytesPerToken,
    ...(unknownShare !== undefined && { unknownShare }),
    seconds,
  });
  const missed = unknownShare === undefined ? '' : `, ${(100 * unknownShare).toFixed(1)} % of them ${UNKNOWN}`;
  out.print(
    `${place}: ${grouped(reached)} tokens (${words}, ${counted(special.length, 'special token')}) ` +
      `from ${byteText(bytes)} in ${seconds} s; ${bytesPerToken} bytes a token${missed}`,
  );
  out.print(`use it: npm run pretrain -- --tokenizer ${printable(place, true)} --data FILE`);
  return 0;
}

/** @throws InputError for special tokens that a vocabulary could not tell from others */
function refuseSpecial(special: readonly string[], kind: TokenizerFlags['kind']): void {
  special.forEach((token, i) => {
    if (special.indexOf(token) < i)
      throw new InputError(`--special: found ${quoted(token)} twice, expected each once. Leave one out.`);
    if (kind === 'word' && (token === PAD || token === UNKNOWN))
      throw new InputError(`--special: found ${quoted(token)}, which a vocabulary of words has. Leave it out.`);
    // Vocabulary files write all other tokens in these characters. A token of several ASCII ones stands for itself there, and is
    // never learned, because texts are cut at it.
    if (kind === 'bpe' && fromVisible(token) !== null && (token.length === 1 || /[^!-~]/.test(token)))
      throw new InputError(
        `--special: found ${quoted(token)}, which vocabulary files write for other bytes, expected a text such as <|user|>.`,
      );
  });
}

/** @throws InputError */
function wantedSize(vocabSize: number | undefined, kind: TokenizerFlags['kind'], special: number): number {
  const least = special + (kind === 'bpe' ? BYTES : 3);
  if (vocabSize !== undefined && vocabSize >= least) return vocabSize;
  const made = kind === 'bpe' ? '256 bytes' : `${PAD}, ${UNKNOWN}, a word`;
  throw new InputError(
    `--vocab-size: found ${vocabSize ?? 'nothing'}, expected at least ${least}: ${made} and ${counted(special, 'special token')}. ` +
      `For example: --vocab-size ${kind === 'bpe' ? 500 : 4000}`,
  );
}

type Frame = Pick<CommandContext, 'out' | 'signal'>;

/** One kind of tokenizer: what is counted, and how a vocabulary of some size comes from it. */
interface Learning {
  readonly counter: PieceCounter;
  learn(vocabSize: number, frame: Frame): Promise<Learned>;
}

interface Learned {
  readonly tokenizer: Tokenizer;
  /** Of the JSON line. */
  readonly learned: { readonly merges: number } | { readonly words: number };
  /** The same for people. */
  readonly words: string;
  /** Why it may be smaller than was asked for. */
  readonly short: string;
}

const LEARNINGS: Record<TokenizerFlags['kind'], (special: readonly string[], keepCase: boolean) => Learning> = {
  bpe(special) {
    const counter = new PieceCounter(special);
    return {
      counter,
      async learn(vocabSize, frame) {
        const merges = await learn(counter, { vocabSize, special }, frame);
        const words = counted(merges.length, 'merge');
        return {
          tokenizer: BpeTokenizer.fromMerges(merges, special),
          learned: { merges: merges.length },
          words: `256 bytes, ${words}`,
          short: `after ${words} no two neighbours occur twice in this text.`,
        };
      },
    };
  },
  word(special, keepCase) {
    const counter = new PieceCounter([PAD, UNKNOWN, ...special], wordPieces(!keepCase));
    return {
      counter,
      async learn(vocabSize) {
        const tokenizer = wordTokenizer(counter.counts, { vocabSize, lowercase: !keepCase, special });
        const count = tokenizer.vocabSize - 2 - special.length;
        return {
          tokenizer,
          learned: { words: count },
          words: `${PAD}, ${UNKNOWN}, ${counted(count, 'word')}`,
          short: `${counted(count, 'word')} of this text ${count === 1 ? 'occurs' : 'occur'} twice or more.`,
        };
      },
    };
  },
};

/** @returns bytes of the texts   @throws InputError as partsToLearn */
async function count(
  counter: PieceCounter,
  sources: readonly TextSource[],
  { textField, sourceColumn, targetColumn }: PartsOptions,
  { out, signal }: Frame,
): Promise<number> {
  const line = new RateLine(out, 'reading', byteText);
  const options = { textField, sourceColumn, targetColumn };
  const total = sizeOf(sources, options);
  let bytes = 0;
  let turn = performance.now();
  for (const source of sources) {
    for (const text of source.notes) out.note(text);
    for await (const part of partsToLearn(source, options, { out })) {
      if (part === DOCUMENT_END) counter.endDocument();
      else {
        counter.add(part);
        bytes += Buffer.byteLength(part);
      }
      if (performance.now() - turn < TURN_MS) continue;
      line.update(bytes, total);
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.requested) return bytes;
      turn = performance.now();
    }
    counter.endDocument();
  }
  line.end();
  return bytes;
}

/** Bytes of plain texts; null where rows are among them, whose texts are less than their files. */
function sizeOf(sources: readonly TextSource[], options: PartsOptions): number | null {
  const files = sources.flatMap((source) => source.files);
  if (files.some((file) => !isPlain(file, options))) return null;
  return files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
}

async function learn(
  counter: PieceCounter,
  vocabulary: { vocabSize: number; special: readonly string[] },
  { out, signal }: Frame,
): Promise<MergePair[]> {
  const merges: MergePair[] = [];
  const wanted = vocabulary.vocabSize - BYTES - vocabulary.special.length;
  if (wanted === 0) return merges;
  out.status(`counting pairs in ${counted(counter.counts.size, 'different piece')}`);
  await new Promise((resolve) => setTimeout(resolve));
  const line = new RateLine(out, 'merging', grouped);
  let turn = performance.now();
  for (const pair of mergesFor(counter.counts, vocabulary)) {
    merges.push(pair);
    if (performance.now() - turn < TURN_MS) continue;
    line.update(merges.length, wanted);
    await new Promise((resolve) => setTimeout(resolve));
    if (signal.requested) break;
    turn = performance.now();
  }
  line.end();
  return merges;
}

/** Tokens of all that was counted, and how many of them are unknown words; null where none can be. */
function tokensOf(counter: PieceCounter, tokenizer: Tokenizer): { tokens: number; unknown: number | null } {
  const unknownId = tokenizer instanceof WordTokenizer ? tokenizer.parts.unknownId : null;
  let tokens = 0;
  let unknown = 0;
  for (const [piece, times] of counter.counts) {
    const ids = tokenizer.encode(piece);
    tokens += times * ids.length;
    if (ids[0] === unknownId) unknown += times;
  }
  return { tokens, unknown: unknownId === null ? null : unknown };
}
