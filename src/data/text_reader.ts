// A text as a stream: files decoded piece by piece and joined, so that a text of any size never stands in memory; and the one
// walk over it that counts, hashes and checks.
import { createHash } from 'node:crypto';
import { InputError } from '../errors.ts';
import { nameOf } from './char.ts';
import { jsonlRows } from './file_lines.ts';
import type { RowCount } from './jsonl.ts';
import { parquetRows } from './parquet.ts';
import { nulAt } from './text_bytes.ts';
import { chunksOf, invalidUtf8 } from './text_check.ts';
import { formOf, type TextForm, type TextSource } from './text_source.ts';

/** Stands between two documents where the tokenizer has an end-of-text token. */
export const DOCUMENT_END = Symbol('document end');

export type TextPart = string | typeof DOCUMENT_END;

export interface ReadOptions {
  /** The field of JSONL rows and the column of Parquet tables that holds the text. Default: text. */
  readonly textField?: string | undefined;
  /** Told each file as it begins; of rows each row: "rows.jsonl: line 12". */
  readonly onPlace?: ((place: string, form: TextForm) => void) | undefined;
  /** Told a sentence about rows that were dropped. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const LONGEST_PART = 2 ** 20;

/**
 * The text, in parts of about 1 MiB at most that never split a character. Files are joined by a blank line, or, if they are
 * documents and `endOfText` is asked for, by DOCUMENT_END; and so are the rows of JSONL and Parquet files. A byte order mark is
 * dropped.
 * @throws InputError for NUL bytes and invalid UTF-8, naming file, byte and line, and as jsonlRows and parquetRows
 */
export async function* readText(
  source: TextSource,
  endOfText: boolean,
  { textField = 'text', onPlace, onNote }: ReadOptions = {},
): AsyncGenerator<TextPart> {
  let begun = false;
  let endsWithNewline = false;
  const join = (): TextPart => (source.documents && endOfText ? DOCUMENT_END : endsWithNewline ? '\n' : '\n\n');
  for (const file of source.files) {
    const form = formOf(file);
    if (form === 'text') {
      if (begun) yield join();
      begun = true;
      onPlace?.(file, form);
      for (const text of textOf(file)) {
        yield text;
        endsWithNewline = text.endsWith('\n');
      }
      continue;
    }
    const count: RowCount = { at: 0, empty: 0, firstEmpty: 0 };
    const word = form === 'jsonl' ? 'line' : 'row';
    const rows = form === 'jsonl' ? jsonlRows(file, textField, count) : parquetRows(file, textField, count);
    for await (const row of rows) {
      if (begun) yield join();
      begun = true;
      onPlace?.(`${file}: ${word} ${count.at}`, form);
      if (row.length <= LONGEST_PART) yield row;
      else yield* partsOf(row);
      endsWithNewline = row.endsWith('\n');
    }
    if (count.empty > 0) onNote?.(emptyNote(file, count, word));
  }
}

/** The decoded chunks of a text file. */
function* textOf(file: string): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true }); // also drops a byte order mark
  let offset = 0;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw new InputError(`${file}: ${invalidUtf8(file)}`);
    }
  };
  for (const chunk of chunksOf(file)) {
    const nul = chunk.indexOf(0);
    if (nul >= 0) throw new InputError(`${file}: ${nulAt(offset + nul)}`);
    offset += chunk.length;
    const text = decode(chunk);
    if (text !== '') yield text;
  }
  decode();
}

function* partsOf(row: string): Generator<string> {
  for (let start = 0; start < row.length; ) {
    let end = Math.min(row.length, start + LONGEST_PART);
    if (end < row.length && (row.charCodeAt(end) & 0xfc00) === 0xdc00) end--; // not inside a surrogate pair
    yield row.slice(start, end);
    start = end;
  }
}

function emptyNote(file: string, { empty, firstEmpty }: RowCount, word: string): string {
  const rows = empty === 1 ? '1 row without text was' : `${empty} rows without text were`;
  return `${file}: ${rows} dropped, the first is ${word} ${firstEmpty}.`;
}

export interface TextFacts {
  /** Bytes and code points of the text. A document end counts as none. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256 of the joined text in UTF-8, document ends as `<|endoftext|>`; hex. */
  readonly hash: string;
  /** All different code points. */
  readonly codePoints: ReadonlySet<number>;
  /** SHA-256 of the character counts at which documents end, hex, and empty where none does: part of what makes two token streams equal. */
  readonly documentEnds: string;
}

/** Counts a text while it streams past: feed every part, then ask. */
export class TextCounter {
  readonly #hash = createHash('sha256');
  readonly #seen = new Uint8Array(0x110000);
  readonly #ends = createHash('sha256');
  #documents = 1;
  bytes = 0;
  characters = 0;

  add(part: TextPart): void {
    if (part === DOCUMENT_END) {
      this.#hash.update('<|endoftext|>');
      this.#ends.update(`${this.characters} `);
      this.#documents++;
      return;
    }
    const utf8 = Buffer.from(part, 'utf8');
    this.#hash.update(utf8);
    this.bytes += utf8.length;
    for (let i = 0; i < part.length; i++) {
      const code = part.codePointAt(i)!;
      if (code > 0xffff) i++;
      this.#seen[code] = 1;
      this.characters++;
    }
  }

  facts(): TextFacts {
    const codePoints = new Set<number>();
    this.#seen.forEach((seen, code) => {
      if (seen) codePoints.add(code);
    });
    const { bytes, characters } = this;
    const documentEnds = this.#documents > 1 ? this.#ends.digest('hex') : '';
    return { bytes, characters, hash: this.#hash.digest('hex'), codePoints, documentEnds };
  }
}

/** The sentence about the first character that is not in a vocabulary, with its file and line. Reads the text again. */
export async function unknownCharacter(
  source: TextSource,
  unknown: ReadonlySet<number>,
  vocabSize: number,
  textField?: string,
): Promise<InputError> {
  let where = '';
  let line: number | null = null; // of a text; a row says where it is itself
  const onPlace = (place: string, form: TextForm) => {
    where = place;
    line = form === 'text' ? 1 : null;
  };
  for await (const part of readText(source, true, { onPlace, textField })) {
    if (part === DOCUMENT_END) continue;
    for (const character of part) {
      const code = character.codePointAt(0)!;
      if (unknown.has(code)) {
        const more = unknown.size > 1 ? ` (and ${unknown.size - 1} other such characters later)` : '';
        return new InputError(
          `${where}: ${line === null ? '' : `line ${line}: `}found ${nameOf(code)}${more}, which is not among the ` +
            `${vocabSize} characters that the loaded tokenizer knows. Leave such characters out, or train a new model with ` +
            '--tokenizer char.',
        );
      }
      if (code === 0x0a && line !== null) line++;
    }
  }
  return new InputError(`${source.name}: the text changed while it was read. Start again when nothing writes to it.`);
}
