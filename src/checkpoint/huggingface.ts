// Weights in Hugging Face's names. A model asks for its parameters by name and shape; what a file calls them (with or without
// `transformer.`), what it holds besides (mask buffers, a tied head), in which of its shards and in which precision, is settled here.

import { InputError } from '../errors.ts';
import { firstTen, quoted } from './json.ts';
import { partRanges } from './parts.ts';
import { type ByteSource, formatShape, SafetensorsReader } from './safetensors.ts';
import { checkIndex, type ShardIndex } from './shards.ts';
import { commonDtype, type ExpectedTensor, firstNotFinite, type Weights } from './weights.ts';

export type { ExpectedTensor } from './weights.ts';

/** One file of a model, or all its shards with the index that names them. */
export interface WeightFiles {
  readonly sources: readonly ByteSource[];
  /** null for a single file. */
  readonly index: ShardIndex | null;
}

/** Files of a model; a bare list comes without an index to check. */
export type GivenFiles = WeightFiles | readonly ByteSource[];

interface Found {
  readonly reader: SafetensorsReader;
  readonly fileName: string;
}

const prefix = 'transformer.';
const headName = 'lm_head.weight';
/** What the tables of tokens are called, one of which a tied head repeats. */
const tableNames = [`${prefix}wte.weight`, 'model.embed_tokens.weight'];
/** What older files carry as tensors though it follows from the configuration: causal masks of GPT-2, frequencies of Llama. */
const buffer =
  /^(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)$|^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/;

/**
 * Opens the weights that a model expects. All names, shapes and dtypes of all files are checked here; values are read on demand.
 * @param expected canonical names with shapes: `transformer.h.0.ln_1.weight`, ..., `lm_head.weight` only in an untied model
 * @param notes takes one line about an index with a wrong count
 * @throws InputError listing missing, unknown and misshapen tensors (first 10 of each); for files that the index does not describe;
 *   for a tied `lm_head.weight` that differs from the embedding
 */
export async function openWeights(
  files: GivenFiles,
  expected: readonly ExpectedTensor[],
  notes: string[] = [],
): Promise<Weights> {
  const { sources, index } = 'sources' in files ? files : { sources: files, index: null };
  const readers: SafetensorsReader[] = [];
  for (const source of sources) readers.push(await SafetensorsReader.open(source));
  if (index) {
    const note = checkIndex(index, new Map(readers.map((reader) => [reader.name.split('/').at(-1)!, reader])));
    if (note !== null) notes.push(note);
  }
  const { found, tiedHead } = match(readers, expected);
  if (tiedHead) await checkTiedHead(tiedHead, tableNames.map((name) => found.get(name)).find(Boolean));
  return {
    tensors: expected,
    dtype: commonDtype([...found.values()].map(({ reader, fileName }) => reader.tensors.get(fileName)!.dtype)),
    async read(name, from, to) {
      const { reader, fileName } = found.get(name)!;
      const data = await reader.readFloat32(fileName, from, to);
      checkFinite(data, fileName, reader.name, from);
      return data;
    },
  };
}

/** The canonical name of a tensor among the names a model expects, or undefined. */
function canonical(name: string, expected: ReadonlyMap<string, ExpectedTensor>): string | undefined {
  const candidates = [name, prefix + name, name.startsWith(prefix) ? name.slice(prefix.length) : name];
  return candidates.find((candidate) => expected.has(candidate));
}

function match(
  readers: readonly SafetensorsReader[],
  expected: readonly ExpectedTensor[],
): { found: Map<string, Found>; tiedHead: Found | undefined } {
  const wanted = new Map(expected.map((tensor) => [tensor.name, tensor]));
  const found = new Map<string, Found>();
  const unknown: string[] = [];
  const faults: string[] = [];
  let tiedHead: Found | undefined;
  for (const reader of readers) {
    for (const [fileName, info] of reader.tensors) {
      const name = canonical(fileName, wanted);
      if (name === undefined) {
        if (fileName === headName && tableNames.some((table) => wanted.has(table))) tiedHead = { reader, fileName };
        else if (!buffer.test(fileName)) unknown.push(quoted(fileName));
        continue;
      }
      const before = found.get(name);
      if (before) {
        const place = before.reader === reader ? '' : ` in ${before.reader.name}`;
        throw new InputError(
          `${reader.name}: ${quoted(name)} is there twice, as ${quoted(before.fileName)}${place} and ${quoted(fileName)}, expected once. Take one out.`,
        );
      }
      found.set(name, { reader, fileName });
      const { shape } = wanted.get(name)!;
      if (!sameShape(info.shape, shape))
        faults.push(`${quoted(fileName)} is ${formatShape(info.shape)}, expected ${formatShape(shape)}`);
    }
  }
  const missing = expected.filter(({ name }) => !found.has(name)).map(({ name }) => quoted(name));
  const problems = [
    missing.length > 0 ? `${missing.length} missing: ${firstTen(missing)}` : '',
    unknown.length > 0 ? `${unknown.length} unknown: ${firstTen(unknown)}` : '',
    faults.length > 0 ? `${faults.length} of another shape: ${firstTen(faults)}` : '',
  ].filter((problem) => problem !== '');
  if (problems.length > 0) {
    const files = firstTen(readers.map((reader) => reader.name));
    throw new InputError(
      `${files}: found other tensors than the ${expected.length} that config.json asks for: ${problems.join('; ')}. Take the weights and the config.json of one model.`,
    );
  }
  for (const { reader, fileName } of found.values()) reader.checkWeight(fileName);
  return { found, tiedHead };
}

/** Part by part: two tables at once may be more than the memory holds. */
async function checkTiedHead(head: Found, embedding: Found | undefined): Promise<void> {
  if (!embedding) return;
  const size = head.reader.size(head.fileName);
  let at = size === embedding.reader.size(embedding.fileName) ? -1 : 0;
  for (const { from, to } of partRanges(at < 0 ? size : 0)) {
    const a = await head.reader.readFloat32(head.fileName, from, to);
    const b = await embedding.reader.readFloat32(embedding.fileName, from, to);
    at = a.findIndex((value, i) => !Object.is(value, b[i]) && value !== b[i]);
    if (at < 0) continue;
    at += from;
    break;
  }
  if (at < 0) return;
  throw new InputError(
    `${head.reader.name}: ${quoted(headName)} differs from ${quoted(embedding.fileName)} (first at element ${at}), expected equal values in a tied model. ` +
      'Set "tie_word_embeddings": false in config.json, or take it out.',
  );
}

/** @param from number of the first value in the tensor   @throws InputError for NaN and infinity, saying how many and where */
export function checkFinite(data: Float32Array, name: string, where: string, from: number): void {
  const first = firstNotFinite(data);
  if (first < 0) return;
  const nan = data.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
  const infinite = data.reduce((count, value) => count + (Math.abs(value) === Infinity ? 1 : 0), 0);
  const counts = [nan > 0 ? `${nan} NaN` : '', infinite > 0 ? `${infinite} infinite` : '']
    .filter((text) => text !== '')
    .join(' and ');
  const part = from > 0 ? ` among ${data.length} from element ${from} on` : '';
  throw new InputError(
    `${where}: ${quoted(name)}: holds ${counts}${part} (first at ${from + first}), expected finite numbers. Its training failed or the file is damaged: take another checkpoint.`,
  );
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
