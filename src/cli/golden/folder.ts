// A golden folder: reference values of kernels and of whole training runs, described by its index.json (format: the folder's README).
// Files come through one function, so that the folder may lie on a disk or behind a server.

import { text } from '../../checkpoint/fields.ts';
import { type JsonValue, parseJson } from '../../checkpoint/json.ts';
import { type ByteSource, bytesSource, SafetensorsReader, type TensorArray } from '../../checkpoint/safetensors.ts';
import { InputError } from '../../errors.ts';
import { attributesOf, type Fields, list, names, record } from './fields.ts';

/** The folder itself is at fault, not what is being checked. */
export class FolderError extends InputError {}

export interface FileSource {
  /** A file of the folder by its path inside it. @throws InputError if there is none */
  read(path: string): Promise<Uint8Array>;
}

/** x is as good as the reference if |x - ref| <= atol + rtol * |ref|. */
export interface Tolerance {
  atol: number;
  rtol: number;
}

export interface GoldenTensor {
  shape: readonly number[];
  data: TensorArray;
}

export interface KernelCase {
  op: string;
  case: string;
  /** Path of the safetensors file, and what its tensors' names begin with. */
  file: string;
  prefix: string;
  attrs: Fields;
  inputs: readonly string[];
  gradOutputs: readonly string[];
  gradInputs: readonly string[];
  /** Tensors to be compared. */
  check: ReadonlyMap<string, Tolerance>;
}

export interface TraceCase {
  trace: string;
  kind: string;
  dir: string;
  files: readonly string[];
}

export class GoldenFolder {
  readonly kernels: readonly KernelCase[];
  readonly traces: readonly TraceCase[];
  readonly #files: FileSource;
  /** Cases come sorted by file, so the last one opened is the next one asked for. */
  #last: { path: string; reader: SafetensorsReader } | null = null;

  private constructor(files: FileSource, kernels: KernelCase[], traces: TraceCase[]) {
    this.#files = files;
    this.kernels = kernels;
    this.traces = traces;
  }

  /** @throws InputError if there is no index.json or it is not what it should be */
  static async open(files: FileSource): Promise<GoldenFolder> {
    const index = record(parse(await files.read('index.json'), 'index.json'), 'index.json');
    const kernels = list(index, 'kernels', 'index.json').map((entry, i) =>
      kernelCase(entry, `index.json: kernels[${i}]`),
    );
    const traces = list(index, 'traces', 'index.json').map((entry, i) => traceCase(entry, `index.json: traces[${i}]`));
    return new GoldenFolder(files, kernels, traces);
  }

  async open(path: string): Promise<SafetensorsReader> {
    if (this.#last?.path !== path) {
      const bytes = await this.#read(path);
      this.#last = { path, reader: await blamed(SafetensorsReader.open(bytesSource(path, bytes))) };
    }
    return this.#last.reader;
  }

  /** @throws FolderError if the file or the tensor is missing or damaged */
  async tensor(path: string, name: string): Promise<GoldenTensor> {
    const reader = await this.open(path);
    const data = await blamed(reader.read(name));
    return { shape: reader.tensors.get(name)!.shape, data };
  }

  /** A file as a source of weights. */
  async weights(path: string): Promise<ByteSource> {
    return bytesSource(path, await this.#read(path));
  }

  async json(path: string): Promise<Fields> {
    return record(parse(await this.#read(path), path), path);
  }

  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.#read(path));
  }

  #read(path: string): Promise<Uint8Array> {
    return blamed(this.#files.read(path));
  }
}

/** Whatever is wrong with reading is a fault of the folder. */
async function blamed<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof InputError ? new FolderError(error.message) : error;
  }
}

function parse(bytes: Uint8Array, where: string): JsonValue {
  try {
    return parseJson(new TextDecoder().decode(bytes), where);
  } catch (error) {
    throw error instanceof InputError ? new FolderError(error.message) : error;
  }
}

function kernelCase(entry: JsonValue, at: string): KernelCase {
  const fields = record(entry, at);
  const name = text(fields, 'case', at);
  const where = `${at} (${name})`;
  const check = record(fields.get('check'), `${where}: check`);
  return {
    op: text(fields, 'op', where),
    case: name,
    file: text(fields, 'file', where),
    prefix: text(fields, 'prefix', where),
    attrs: attributesOf(fields, where),
    inputs: names(fields, 'inputs', where),
    gradOutputs: names(fields, 'grad_outputs', where),
    gradInputs: names(fields, 'grad_inputs', where),
    check: new Map([...check].map(([tensor, limits]) => [tensor, tolerance(limits, `${where}: check.${tensor}`)])),
  };
}

function traceCase(entry: JsonValue, at: string): TraceCase {
  const fields = record(entry, at);
  return {
    trace: text(fields, 'trace', at),
    kind: text(fields, 'kind', at),
    dir: text(fields, 'dir', at),
    files: names(fields, 'files', at),
  };
}

/** @throws InputError unless both are numbers that can be a tolerance: a NaN would let everything pass or nothing */
export function tolerance(value: JsonValue | undefined, where: string): Tolerance {
  const fields = record(value, where);
  const [atol, rtol] = [fields.get('atol'), fields.get('rtol')];
  const fits = (x: JsonValue | undefined): x is number => typeof x === 'number' && Number.isFinite(x) && x >= 0;
  if (fits(atol) && fits(rtol)) return { atol, rtol };
  throw new FolderError(
    `${where}: found atol ${atol} and rtol ${rtol}, expected two numbers of at least 0. Correct the file.`,
  );
}
