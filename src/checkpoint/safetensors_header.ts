// The header of a safetensors file: 8 bytes of length (little-endian), JSON, then the raw data of the tensors without gaps.
// Everything the header claims is checked against the size of the file before anyone allocates or reads by it.
// Source: https://github.com/huggingface/safetensors, "Format".

import { InputError } from '../errors.ts';
import { described, type JsonObject, type JsonValue, parseJson, quoted } from './json.ts';

export type Dtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'I32' | 'U8' | 'BOOL';

export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** First byte of the data and the byte behind its last, counted from the start of the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the file's data. */
  readonly tensors: Map<string, TensorInfo>;
  readonly metadata: Map<string, string>;
}

export interface HeaderLimits {
  /** Default 16 MiB: a header of 100 MB takes seconds and half a gigabyte to read. */
  readonly maxHeaderBytes?: number;
}

/** Bytes of one element. */
export const dtypeBytes: ReadonlyMap<string, number> = new Map<Dtype, number>([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F64', 8],
  ['I64', 8],
  ['I32', 4],
  ['U8', 1],
  ['BOOL', 1],
]);

const knownElsewhere = new Set(
  'F4 F6_E2M3 F6_E3M2 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I8 I16 U16 U32 U64 C64'.split(' '),
);
const supported = `supported are ${[...dtypeBytes.keys()].join(' ')}`;

/** Names that objects of JavaScript carry: harmless in our Maps, but the next reader may use an object. */
const refusedNames = new Set(['__proto__', 'constructor', 'prototype']);

/** Products of a shape stay below this, so that byte counts are exact doubles. */
const maxElements = 2 ** 48;

/**
 * Length in bytes of the JSON header.
 * @param bytes the first 8 bytes of the file (more do no harm); `fileSize` the whole size in bytes
 * @throws InputError if the file is too short, not safetensors, or the length does not fit into it or is over the limit
 */
export function readHeaderLength(
  bytes: Uint8Array,
  fileSize: number,
  fileName: string,
  limits: HeaderLimits = {},
): number {
  if (fileSize === 0)
    throw new InputError(`${fileName}: empty file. The download or copy did not finish: fetch it again.`);
  if (fileSize < 10 || bytes.length < 8) {
    throw new InputError(
      `${fileName}: ${fileSize} bytes, a safetensors file has at least 10. The download or copy did not finish.`,
    );
  }
  const declared = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const left = fileSize - 8;
  if (declared < 2n) {
    throw new InputError(
      `${fileName}: header length ${declared}, expected at least 2. The file is damaged or not safetensors.`,
    );
  }
  if (declared > BigInt(left)) {
    const kind = foreignKind(bytes);
    if (kind) throw new InputError(`${fileName}: ${kind}`);
    throw new InputError(
      `${fileName}: header says ${declared} bytes, the file has ${left} left. Cut or not safetensors: fetch it again.`,
    );
  }
  const limit = limits.maxHeaderBytes ?? 2 ** 24;
  if (Number(declared) > limit) {
    throw new InputError(
      `${fileName}: header of ${mebibytes(Number(declared))}, limit ${mebibytes(limit)}. Split the file into shards with fewer tensors.`,
    );
  }
  return Number(declared);
}

/** What a file that is not safetensors seems to be, by its first bytes; undefined when nothing is recognised. */
function foreignKind(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 8));
  const advice =
    'found a PyTorch pickle, expected safetensors. A pickle can run foreign code and is never opened: convert it with save_pretrained(safe_serialization=True).';
  if (text.startsWith('PK\x03\x04') || /^\x80[\x02-\x05]/.test(text)) return advice;
  if (/^\s*<(!|h)/i.test(text))
    return 'found a web page, expected safetensors. The download was redirected: fetch the file itself.';
  if (text.startsWith('version ')) return 'found a Git LFS pointer, expected the file itself. Run "git lfs pull".';
  if (text.startsWith('GGUF'))
    return 'found a GGUF file, expected safetensors. Take the model in the Hugging Face form.';
  return undefined;
}

function mebibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toFixed(1))} MiB`;
}

/**
 * Reads and checks the whole header.
 * @param bytes the first 8 + n bytes of the file, n as `readHeaderLength` gives it
 * @throws InputError for every way in which it is malformed: see the checks below
 */
export function parseHeader(
  bytes: Uint8Array,
  fileSize: number,
  fileName: string,
  limits: HeaderLimits = {},
): SafetensorsHeader {
  const length = readHeaderLength(bytes, fileSize, fileName, limits);
  if (bytes.length < 8 + length) {
    throw new InputError(
      `${fileName}: header ends after ${bytes.length - 8} of ${length} bytes. The file changed while it was read.`,
    );
  }
  const json = bytes.subarray(8, 8 + length);
  const root = parseJson(decodeUtf8(json, fileName), `${fileName}: header`);
  if (!(root instanceof Map)) {
    throw new InputError(
      `${fileName}: header is ${described(root)}, expected an object of tensors. The file is damaged.`,
    );
  }
  const metadata = readMetadata(root.get('__metadata__'), fileName);
  root.delete('__metadata__');
  const dataStart = 8 + length;
  const entries = [...root].map(
    ([name, entry]) => [name, readTensor(name, entry, dataStart, fileSize, fileName)] as const,
  );
  entries.sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  checkTiling(entries, dataStart, fileSize, fileName);
  return { tensors: new Map(entries), metadata };
}

function decodeUtf8(bytes: Uint8Array, fileName: string): string {
  try {
    // The byte order mark stays, so that the JSON reader refuses it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InputError(
      `${fileName}: header is not UTF-8 at byte ${firstBadByte(bytes)}. The file is damaged: fetch it again.`,
    );
  }
}

/** Where the longest part that is whole UTF-8 ends; the caller knows that the rest is bad. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  // A streaming decoder accepts a cut character at the end of a prefix: bisect for the shortest refused prefix.
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return bad - 1;
}

function readMetadata(value: JsonValue | undefined, fileName: string): Map<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined) return metadata;
  if (!(value instanceof Map)) {
    throw new InputError(
      `${fileName}: "__metadata__" is ${described(value)}, expected an object of texts. Write the file again.`,
    );
  }
  for (const [key, text] of value) {
    if (typeof text !== 'string') {
      throw new InputError(
        `${fileName}: metadata ${quoted(key)} is ${described(text)}, expected text. Write the file again.`,
      );
    }
    metadata.set(key, text);
  }
  return metadata;
}

function readTensor(name: string, entry: JsonValue, dataStart: number, fileSize: number, fileName: string): TensorInfo {
  const refuse = (what: string): never => {
    throw new InputError(`${fileName}: ${quoted(name)}: ${what}`);
  };
  if (refusedNames.has(name)) {
    throw new InputError(
      `${fileName}: tensor name ${quoted(name)} refused, expected a parameter's name. Rename the tensor.`,
    );
  }
  if (!(entry instanceof Map)) return refuse(`found ${described(entry)}, expected dtype, shape and data_offsets.`);
  const dtype = readDtype(entry, refuse);
  const shape = wholeNumbers(entry, 'shape', refuse);
  const offsets = wholeNumbers(entry, 'data_offsets', refuse);
  // Sizes above 2^53 lose digits here, but the limit is far below.
  const elements = shape.reduce((product, size) => product * Math.max(size, 1), 1);
  if (elements >= maxElements) {
    const count = elements.toExponential(1).replace('e+', 'e');
    return refuse(
      `shape has ${count} elements, over the limit of 2^48 and over the file. Not read: the file is damaged or hostile.`,
    );
  }
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin === undefined || end === undefined || begin > end) {
    return refuse(
      `data_offsets [${offsets.slice(0, 4)}], expected [begin, end] with begin <= end. The file is damaged.`,
    );
  }
  const dataBytes = fileSize - dataStart;
  if (end > dataBytes)
    return refuse(`data ends at byte ${end}, the file has ${dataBytes} bytes of data. Cut: fetch it again.`);
  const needed = shape.includes(0) ? 0 : elements * dtypeBytes.get(dtype)!;
  if (end - begin !== needed) {
    return refuse(
      `found ${end - begin} bytes of data, expected ${needed} for ${dtype} ${formatShape(shape)}. The file is damaged.`,
    );
  }
  return { dtype, shape, start: dataStart + begin, end: dataStart + end };
}

function readDtype(entry: JsonObject, refuse: (what: string) => never): Dtype {
  const dtype = entry.get('dtype');
  if (typeof dtype !== 'string') return refuse(`dtype is ${described(dtype)}, expected text; ${supported}.`);
  if (dtypeBytes.has(dtype)) return dtype as Dtype;
  if (knownElsewhere.has(dtype))
    return refuse(`dtype ${dtype} is known but not supported; ${supported}. Convert the file.`);
  return refuse(`dtype ${quoted(dtype)} unknown; ${supported}. The file is damaged.`);
}

function wholeNumbers(entry: JsonObject, key: string, refuse: (what: string) => never): number[] {
  const list = entry.get(key);
  if (!Array.isArray(list))
    return refuse(`${key} is ${described(list)}, expected a list of whole numbers. The file is damaged.`);
  return list.map((item) =>
    typeof item === 'number' && Number.isSafeInteger(item) && item >= 0
      ? item
      : refuse(`${key} holds ${described(item)}, expected whole numbers from 0 to 2^53. The file is damaged.`),
  );
}

/** The data of the tensors, in order, must cover the rest of the file: no overlap, no hole, nothing behind. */
function checkTiling(
  entries: readonly (readonly [string, TensorInfo])[],
  dataStart: number,
  fileSize: number,
  fileName: string,
): void {
  let covered = dataStart;
  let before: string | undefined;
  for (const [name, { start, end }] of entries) {
    if (start < covered) {
      throw new InputError(
        `${fileName}: ${quoted(name)} overlaps ${quoted(before ?? '')}, expected data of its own. The file is damaged.`,
      );
    }
    if (start > covered) {
      const place = before === undefined ? `before ${quoted(name)}` : `between ${quoted(before)} and ${quoted(name)}`;
      throw new InputError(
        `${fileName}: ${start - covered} bytes ${place} belong to nobody, expected no gap. The file is damaged.`,
      );
    }
    covered = end;
    before = name;
  }
  if (covered < fileSize) {
    throw new InputError(
      `${fileName}: ${fileSize - covered} bytes after the last tensor, expected none. The file is damaged or padded.`,
    );
  }
}

/** `[768,3072]`, cut after eight sizes. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 8)}${shape.length > 8 ? ',…' : ''}]`;
}
