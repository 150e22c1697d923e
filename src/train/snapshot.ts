// A model and its optimizer as files, and back: the same names and bytes on every machine and in every home.
import type { Machine } from '../autograd/machine.ts';
import { parameterHash } from '../checkpoint/hash.ts';
import { loadWeights } from '../checkpoint/huggingface.ts';
import {
  type ByteSource,
  type SafetensorsFile,
  SafetensorsReader,
  writeSafetensors,
} from '../checkpoint/safetensors.ts';
import { InputError, RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
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
function parametersOf(model: LanguageModel, instead?: ReadonlyMap<Tensor, Tensor>): Whole[] {
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
  model: LanguageModel,
  instead?: ReadonlyMap<Tensor, Tensor>,
): Promise<SafetensorsFile> {
  const entries = entriesOf(await readWholes(machine, parametersOf(model, instead)));
  for (const { name, data } of entries) {
    const at = data.findIndex((x) => !Number.isFinite(x));
    if (at >= 0)
      throw new RunError(`${name}: element ${at} is ${data[at]}: the weights are damaged and are not saved.`);
  }
  return writeSafetensors(entries);
}

/** SHA-256 over names and values of all parameters as they are now. */
export async function hashOf(machine: Machine, model: LanguageModel): Promise<string> {
  return parameterHash(entriesOf(await readWholes(machine, parametersOf(model))));
}

/** optimizer.safetensors: the optimizer's state by name. */
export async function optimizerFile(machine: Machine, optimizer: Optimizer): Promise<SafetensorsFile> {
  return writeSafetensors(entriesOf(await readWholes(machine, wholesOf(optimizer.state()))));
}

/** Writes the values of a whole to where its pieces lie. */
function writeWhole(machine: Machine, whole: Whole, data: Float32Array): void {
  for (const [piece, own] of takeApart(whole, data)) machine.write(piece, own);
}

/**
 * Streams weights into a model on a machine. All names and shapes are checked first.
 * @param instead tensors that they go to in place of the parameters
 * @throws InputError
 */
export async function loadModel(
  machine: Machine,
  model: LanguageModel,
  sources: readonly ByteSource[],
  instead?: ReadonlyMap<Tensor, Tensor>,
): Promise<void> {
  const wholes = new Map(parametersOf(model, instead).map((whole) => [whole.name, whole]));
  for await (const { name, data } of loadWeights(sources, [...wholes.values()]))
    writeWhole(machine, wholes.get(name)!, data);
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
  for (const whole of wholes) writeWhole(machine, whole, await reader.readFloat32(whole.name));
}
