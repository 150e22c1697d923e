// Pages of a Parquet column, looked at before the library decodes them: it trusts the counts that stand in them, and a damaged
// one would keep it busy for minutes. Layout after "parquet-format" (Apache): Encodings.md and README.md.
import type { ColumnMetaData } from 'hyparquet';

type ParquetHeader = typeof import('hyparquet/src/column.js').parquetHeader;
export type Unpack = (page: Uint8Array, length: number) => Uint8Array;

const DICTIONARY = new Set(['PLAIN_DICTIONARY', 'RLE_DICTIONARY']);
const OTHERS = new Set(['PLAIN', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY']);
/** The last run of a page may go on behind its last value: a bit-packed one by 7 at least, in some writers by more. */
const BEYOND = 512;

/**
 * Walks the pages of one column of one row group.
 * @param optional whether values may be missing, so that pages hold definition levels
 * @returns what the pages unpack to, in order; as they are where the column is not compressed
 * @throws Error, or whatever reading out of range throws, for counts that contradict each other or the bytes there are
 */
export function checkPages(
  parquetHeader: ParquetHeader,
  bytes: Uint8Array<ArrayBuffer>,
  { codec, num_values }: ColumnMetaData,
  optional: boolean,
  unpackPage: Unpack,
): Uint8Array[] {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const unpacked: Uint8Array[] = [];
  const unpack = (page: Uint8Array, length: number) => {
    const body = codec === 'UNCOMPRESSED' ? page : unpackPage(page, length);
    if (body.length !== length) throw new Error(`a page of ${body.length} bytes that says it is ${length}`);
    unpacked.push(body);
    return body;
  };
  let left = Number(num_values);
  while (left > 0) {
    const header = parquetHeader(reader);
    const { compressed_page_size: size, uncompressed_page_size: length } = header;
    if (!(size >= 0 && reader.offset + size <= bytes.length)) throw new Error('a page that is longer than the column');
    const page = bytes.subarray(reader.offset, reader.offset + size);
    reader.offset += size;
    const { dictionary_page_header: dictionary, data_page_header: one, data_page_header_v2: two } = header;
    if (header.type === 'DICTIONARY_PAGE' && dictionary) {
      if (dictionary.num_values * 4 > unpack(page, length).length) throw new Error('a dictionary that is too short');
    } else if (header.type === 'DATA_PAGE' && one) {
      left -= countOf(one.num_values, left);
      let body = unpack(page, length);
      let present = one.num_values;
      if (optional) {
        const end = 4 + new DataView(body.buffer, body.byteOffset, body.length).getUint32(0, true);
        present = runs(body.subarray(4, end), 1, one.num_values);
        body = body.subarray(end);
      }
      checkValues(body, one.encoding, present);
    } else if (header.type === 'DATA_PAGE_V2' && two) {
      left -= countOf(two.num_values, left);
      const { definition_levels_byte_length: levels, repetition_levels_byte_length: before } = two;
      const present = optional ? runs(page.subarray(before, before + levels), 1, two.num_values) : two.num_values;
      if (present !== two.num_values - two.num_nulls) throw new Error('a wrong number of missing values');
      const rest = page.subarray(before + levels);
      const body = two.is_compressed === false ? rest : unpack(rest, length - levels - before);
      checkValues(body, two.encoding, present);
    } else throw new Error(`a page of type ${header.type}`);
  }
  return unpacked;
}

function countOf(values: number, left: number): number {
  if (!(values > 0 && values <= left)) throw new Error(`a page of ${values} values where ${left} are left`);
  return values;
}

function checkValues(body: Uint8Array, encoding: string, count: number): void {
  if (DICTIONARY.has(encoding)) {
    if (count > 0) runs(body.subarray(1), body[0]!, count);
  } else if (!OTHERS.has(encoding)) throw new Error(`texts in encoding ${encoding}`);
}

/**
 * Walks `count` values of the run-length and bit-packing hybrid.
 * @returns how many of them are 1, for values of one bit
 */
function runs(bytes: Uint8Array, width: number, count: number): number {
  if (!(width <= 32)) throw new Error(`values of ${width} bits`);
  const wrong = () => new Error('a run that does not fit its page');
  let at = 0;
  let ones = 0;
  for (let seen = 0; seen < count; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw wrong();
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const packed = header % 2 === 1;
    const half = Math.floor(header / 2);
    const length = packed ? 8 * half : half;
    const used = Math.min(length, count - seen);
    if (length === 0 || length > used + BEYOND) throw wrong();
    const start = at;
    at += packed ? half * width : Math.ceil(width / 8);
    if (width === 1 && packed) for (let i = 0; i < used; i++) ones += (bytes[start + (i >> 3)]! >> (i & 7)) & 1;
    else if (width === 1 && bytes[start] === 1) ones += used;
    seen += used;
  }
  return ones;
}
