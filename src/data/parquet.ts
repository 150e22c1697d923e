// Parquet: a table by columns, one of which holds the texts. It is read a group of rows at a time; pages may be plain or
// compressed with Snappy. The library that reads it is loaded when the first such file is met.
import fs from 'node:fs';
import type { AsyncBuffer, ColumnMetaData, FileMetaData, SchemaTree } from 'hyparquet';
import { firstTen, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { noField, type RowCount } from './jsonl.ts';
import { checkPages, type Unpack } from './parquet_pages.ts';

type Library = typeof import('hyparquet') & typeof import('hyparquet/src/column.js');
type Value = string | null | undefined;

/** An element of Snappy is 2 bytes or more and stands for 64 at most: a page that says more is refused before it gets memory. */
const MOST_UNPACKED = 64;
/** A row group stands in memory. */
const MOST_ROWS = 2 ** 24;

/**
 * The text of each row of a Parquet table, in order; rows with an empty text or null are counted.
 * @throws InputError for a file that is cut or damaged, a column that is missing or no text, and other compressions
 */
export async function* parquetRows(file: string, column: string, count: RowCount): AsyncGenerator<string> {
  const library = { ...(await import('hyparquet')), ...(await import('hyparquet/src/column.js')) };
  const fd = openFile(file);
  try {
    const source = bufferOf(fd, file);
    const { metadata, optional } = await describedIn(library, source, column, file);
    let rowStart = 0;
    for (const [group, { num_rows }] of metadata.row_groups.entries()) {
      const place = { column, optional, group, rowStart };
      for (const text of await groupOf(library, source, metadata, place, `${file}: row group ${group}`)) {
        count.at++;
        if (text) yield text;
        else if (count.empty++ === 0) count.firstEmpty = count.at;
      }
      rowStart += Number(num_rows);
    }
  } finally {
    fs.closeSync(fd);
  }
}

function openFile(file: string): number {
  try {
    return fs.openSync(file, 'r');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): InputError {
  return new InputError(
    `${file}: cannot be read (${(error as NodeJS.ErrnoException).code}), expected a readable file.`,
  );
}

/** Slices of the file as the library asks for them, never longer than what there is. */
function bufferOf(fd: number, file: string): AsyncBuffer {
  const byteLength = fs.fstatSync(fd).size;
  return {
    byteLength,
    slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      for (let done = 0; done < bytes.length; ) {
        let n: number;
        try {
          n = fs.readSync(fd, bytes, done, bytes.length - done, start + done);
        } catch (error) {
          throw unreadable(file, error);
        }
        if (n === 0) throw new InputError(`${file}: found its end too early: it changed while it was read.`);
        done += n;
      }
      return bytes.buffer;
    },
  };
}

/** What the table says of itself, checked as far as it concerns the column, and whether values may be missing in that. */
async function describedIn(
  library: Library,
  source: AsyncBuffer,
  column: string,
  file: string,
): Promise<{ metadata: FileMetaData; optional: boolean }> {
  const end = source.byteLength < 12 ? '' : Buffer.from(await source.slice(source.byteLength - 4)).toString('latin1');
  if (end === 'PARE')
    throw new InputError(
      `${file}: found an encrypted Parquet table, expected a plain one. Write it without encryption.`,
    );
  if (end !== 'PAR1')
    throw new InputError(
      `${file}: found no end of a Parquet table (its last bytes are not PAR1), expected a whole file. Copy or download it again.`,
    );
  try {
    const metadata = await library.parquetMetadataAsync(source, { geoparquet: false });
    const optional = checkColumn(library.parquetSchema(metadata).children, column, file);
    checkChunks(metadata, column, source.byteLength, file);
    return { metadata, optional };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw damaged(`${file}: description of the table`, error);
  }
}

/**
 * @returns whether values may be missing in the column
 * @throws InputError unless the table has such a column, and it holds texts
 */
function checkColumn(columns: readonly SchemaTree[], column: string, file: string): boolean {
  const found = columns.find(({ element }) => element.name === column);
  if (!found) {
    const names = columns.map(({ element }) => element.name);
    throw noField(names, column, file, 'column');
  }
  const { type, converted_type, logical_type, repetition_type } = found.element;
  const meaning = logical_type?.type ?? converted_type;
  const isText = type === 'BYTE_ARRAY' && [undefined, 'STRING', 'UTF8', 'ENUM'].includes(meaning);
  if (isText && found.children.length === 0 && repetition_type !== 'REPEATED') return repetition_type !== 'REQUIRED';
  const kind = found.children.length > 0 ? 'a nested column' : `values of type ${meaning ?? type}`;
  throw new InputError(
    `${file}: column ${quoted(column)}: found ${kind}, expected text. Name another with --text-field: it has ` +
      `${firstTen(columns.map(({ element }) => quoted(element.name)))}.`,
  );
}

/** @throws InputError if the column is compressed as nothing here can read, or lies outside the file */
function checkChunks(metadata: FileMetaData, column: string, size: number, file: string): void {
  for (const [group, row] of metadata.row_groups.entries()) {
    const where = `${file}: row group ${group}`;
    const chunk = chunkOf(row, column);
    if (!chunk) throw damaged(where, new Error(`it has no ${quoted(column)}`));
    if (typeof row.num_rows !== 'bigint' || typeof chunk.num_values !== 'bigint')
      throw damaged(where, new Error('its number of rows is no number'));
    if (chunk.codec !== 'UNCOMPRESSED' && chunk.codec !== 'SNAPPY')
      throw new InputError(
        `${where}: found a column compressed with ${chunk.codec}, expected SNAPPY or none. Write the table again with Snappy, or as JSONL.`,
      );
    if (row.num_rows > MOST_ROWS)
      throw new InputError(
        `${where}: found ${row.num_rows} rows, expected at most ${MOST_ROWS}. Write smaller groups.`,
      );
    const [start, end] = rangeOf(chunk);
    if (!(start >= 4 && end >= start && end <= size))
      throw damaged(where, new Error(`bytes ${start} to ${end} in a file of ${size}`));
    if (chunk.num_values !== row.num_rows)
      throw damaged(where, new Error(`${chunk.num_values} values in ${row.num_rows} rows`));
  }
}

function chunkOf({ columns }: FileMetaData['row_groups'][number], column: string): ColumnMetaData | undefined {
  return columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)?.meta_data;
}

/** Where the pages of a column lie in the file, its dictionary first where it has one. */
function rangeOf({
  data_page_offset,
  dictionary_page_offset,
  total_compressed_size,
}: ColumnMetaData): [number, number] {
  const first = Number(dictionary_page_offset || data_page_offset);
  const start = Math.min(first, Number(data_page_offset));
  return [start, start + Number(total_compressed_size)];
}

/** The column's values in one row group. */
async function groupOf(
  { parquetRead, parquetHeader, snappyUncompress }: Library,
  file: AsyncBuffer,
  metadata: FileMetaData,
  { column, optional, group, rowStart }: { column: string; optional: boolean; group: number; rowStart: number },
  where: string,
): Promise<Value[]> {
  const row = metadata.row_groups[group]!;
  const chunk = chunkOf(row, column)!;
  const count = Number(row.num_rows);
  const unpack: Unpack = (page, length) => {
    if (length > page.length * MOST_UNPACKED)
      throw new Error(`a page of ${page.length} bytes that says it is ${length}`);
    const output = new Uint8Array(length);
    snappyUncompress(page, output);
    return output;
  };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const stringFromBytes = (bytes: Uint8Array) => {
    try {
      return decoder.decode(bytes);
    } catch {
      throw new InputError(`${where}: found text that is not UTF-8, expected UTF-8. Write the table again.`);
    }
  };
  const values: Value[] = [];
  try {
    const [start, end] = rangeOf(chunk);
    const bytes = new Uint8Array(await file.slice(start, end));
    const pages = checkPages(parquetHeader, bytes, chunk, optional, unpack).values();
    await parquetRead({
      ...{ file, metadata, columns: [column], rowStart, rowEnd: rowStart + count, parsers: { stringFromBytes } },
      compressors: { SNAPPY: () => pages.next().value! }, // it asks for them in the same order
      onChunk: ({ columnData }) => {
        for (const value of columnData) values.push(value as Value);
      },
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw damaged(where, error);
  }
  if (values.length !== count) throw damaged(where, new Error(`it has ${values.length} rows instead of ${count}`));
  return values;
}

/** What the library says of damage, in our sentence. Whatever it throws comes from the file: nothing else is given to it. */
function damaged(where: string, error: unknown): InputError {
  // A slip of JavaScript's inside the library says nothing to a reader: `Cannot read properties of undefined`.
  const slip = !(error instanceof Error) || error instanceof TypeError || error instanceof RangeError;
  const reason = slip ? '' : ` (${error.message.split('\n')[0]!})`;
  return new InputError(`${where}: found damage${reason}, expected a whole Parquet table. Copy or download it again.`);
}
