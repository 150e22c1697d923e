// A model and its optimizer as files, and back: the same names and bytes on every machine and in every home.
import type { Machine } from '../autograd/machine.ts';
import { parameterHash } from '../checkpoint/hash.ts';
import { type GivenFiles, openWeights } from '../checkpoint/huggingface.ts';
import { partRanges } from '../checkpoint/parts.ts';
import {
  type ByteSource,
  type SafetensorsFile,
  SafetensorsReader,
  writeSafetensors,
} from '../checkpoint/safetensors.ts';
import { elementsOf, type Weights, weightParts } from '../checkpoint/weights.ts';
import { InputError, RunError } from '../errors.ts';
import type { Trainable } from '../nn/model.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { takeApart, type Whole, wholesOf } from '../tensor/pieces.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';

/**
 * Values of wholes as the outside knows them, read slab by slab. A table in pieces is copied together; all others are windows of
 * what was read.
 */
async function readWholes(machine: Machine, wholes: readonly Whole[]): Promise<Map<Whole, Float32Array>> {
  const slabs = new Map<Tensor, HostArray>();
  const read = async (tensor: Tensor) => {
    const root = tensor.slab ?? tensor;
    let slab = slabs.get(root);
    if (!slab) slabs.set(root, (slab = await machine.read(root)));
    return slab.subarray(tensor.slabOffset, tensor.slabOffset + tensor.size) as Float32Array;
  };
  const values = new Map<Whole, Float32Array>();
  for (const whole of wholes) {
    const [only] = whole.pieces;
    if (whole.pieces.length === 1) {
      values.set(whole, await read(only!));
      continue;
    }
    const data = new Float32Array(whole.size);
    for (const [piece, own] of takeApart(whole, data)) own.set(await read(piece));
    values.set(whole, data);
  }
  return values;
}

/** What stands in a file: the values under their names. */
function entriesOf(values: ReadonlyMap<Whole, Float32Array>) {
  return [...values].map(([{ name, shape }, data]) => ({ name, shape, dtype: 'F32' as const, data }));
}

/** A model's parameters, or those that stand in for them, under the parameters' names. */
function parametersOf(model: Trainable, instead?: ReadonlyMap<Tensor, Tensor>): Whole[] {
  return wholesOf(model.parameters).map((whole) => ({
    ...whole,
    pieces: whole.pieces.map((piece) => instead?.get(piece) ?? piece),
  }));
}

/**
 * model.safetensors.
 * @param instead tensors that stand in for parameters, such as averaged weights
 * @throws RunError if a weight is not finite: such a state is not saved
 */
export async function modelFile(
  machine: Machine,
  model: Trainable,
  instead?: ReadonlyMap<Tensor, Tensor>,
): Promise<SafetensorsFile> {
  return await weightFile(machine, parametersOf(model, instead));
}

/** A safetensors file of weights. @throws RunError as modelFile */
export async function weightFile(machine: Machine, wholes: readonly Whole[]): Promise<SafetensorsFile> {
  const entries = entriesOf(await readWholes(machine, wholes));
  for (const { name, data } of entries) {
    const at = data.findIndex((x) => !Number.isFinite(x));
    if (at >= 0)
      throw new RunError(`${name}: element ${at} is ${data[at]}: the weights are damaged and are not saved.`);
  }
  return writeSafetensors(entries);
}

/** SHA-256 over names and values of all parameters as they are now. */
export async function hashOf(machine: Machine, model: Trainable): Promise<string> {
  return parameterHash(entriesOf(await readWholes(machine, parametersOf(model))));
}

/** optimizer.safetensors: the optimizer's state by name. */
export async function optimizerFile(machine: Machine, optimizer: Optimizer): Promise<SafetensorsFile> {
  return writeSafetensors(entriesOf(await readWholes(machine, wholesOf(optimizer.state()))));
}

/** Writes values of a whole, from its element `start` on, to where its pieces lie. */
function writeWhole(machine: Machine, { pieces }: Whole, data: Float32Array, start = 0): void {
  let first = 0;
  for (const piece of pieces) {
    const from = Math.max(start, first);
    const to = Math.min(start + data.length, first + piece.size);
    if (from < to) machine.write(piece, data.subarray(from - start, to - start), from - first);
    first += piece.size;
  }
}

/** Who looks on while a model is loaded. */
export interface LoadWatcher {
  /** After every part, in bytes of the files; awaited, so that it may let other work have its turn. What it throws ends the loading. */
  progress?(done: number, total: number): Promise<void> | void;
  /** Takes remarks about the files. */
  notes?: string[];
}

/**
 * Streams weights into a model on a machine, large tensors in parts. All names and shapes are checked first.
 * @param instead tensors that they go to in place of the parameters
 * @throws InputError
 */
export async function loadModel(
  machine: Machine,
  model: Trainable,
  files: GivenFiles,
  instead?: ReadonlyMap<Tensor, Tensor>,
  watcher: LoadWatcher = {},
): Promise<void> {
  const wholes = parametersOf(model, instead);
  await streamWeights(machine, wholes, await openWeights(files, wholes, watcher.notes), watcher);
}

/** Streams weights to where they belong. @param parameters one for each of the weights, by its name */
export async function streamWeights(
  machine: Machine,
  parameters: readonly Whole[],
  weights: Weights,
  { progress }: LoadWatcher = {},
): Promise<void> {
  const wholes = new Map(parameters.map((whole) => [whole.name, whole]));
  const width = weights.dtype === 'F32' ? 4 : 2;
  const total = width * weights.tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
  let done = 0;
  for await (const { name, start, data } of weightParts(weights)) {
    writeWhole(machine, wholes.get(name)!, data, start);
    done += width * data.length;
    await progress?.(done, total);
  }
}

/** @throws InputError if the file's tensors are not those of this optimizer */
export async function loadOptimizer(machine: Machine, optimizer: Optimizer, source: ByteSource): Promise<void> {
  const reader = await SafetensorsReader.open(source);
  const wholes = wholesOf(optimizer.state());
  for (const { name, shape } of wholes) {
    const info = reader.tensors.get(name);
    if (info?.dtype !== 'F32' || info.shape.join() !== shape.join()) {
      throw new InputError(
        `${source.name}: ${info ? `"${name}" has shape (${info.shape})` : `no tensor "${name}"`}, expected (${shape}). The checkpoint belongs to another model.`,
      );
    }
  }
  for (const whole of wholes) {
    for (const { from, to } of partRanges(whole.size))
      writeWhole(machine, whole, await reader.readFloat32(whole.name, from, to), from);
  }
}
