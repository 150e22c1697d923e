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
import type { HostArray, Tensor } from '../tensor/tensor.ts';

/** Values of tensors, read slab by slab. */
export async function readAll(machine: Machine, tensors: Iterable<Tensor>): Promise<Map<Tensor, HostArray>> {
  const slabs = new Map<Tensor, HostArray>();
  const values = new Map<Tensor, HostArray>();
  for (const tensor of tensors) {
    const root = tensor.slab ?? tensor;
    let slab = slabs.get(root);
    if (!slab) slabs.set(root, (slab = await machine.read(root)));
    values.set(tensor, slab.subarray(tensor.slabOffset, tensor.slabOffset + tensor.size));
  }
  return values;
}

/** model.safetensors and the hash over the same values. @throws RunError if a weight is not finite: such a state is not saved */
export async function modelFile(
  machine: Machine,
  model: LanguageModel,
): Promise<{ file: SafetensorsFile; hash: string }> {
  const values = await readAll(machine, model.parameters);
  for (const [tensor, data] of values) {
    const at = data.findIndex((x: number) => !Number.isFinite(x));
    if (at >= 0)
      throw new RunError(`${tensor.name}: element ${at} is ${data[at]}: the weights are damaged and are not saved.`);
  }
  const entries = [...values].map(([{ name, shape }, data]) => ({
    name,
    shape,
    dtype: 'F32' as const,
    data: data as Float32Array,
  }));
  return { file: writeSafetensors(entries), hash: parameterHash(entries) };
}

/** SHA-256 over names and values of all parameters as they are now. */
export async function hashOf(machine: Machine, model: LanguageModel): Promise<string> {
  const values = await readAll(machine, model.parameters);
  return parameterHash([...values].map(([{ name }, data]) => ({ name, data: data as Float32Array })));
}

/** optimizer.safetensors: the optimizer's state by name. */
export async function optimizerFile(machine: Machine, optimizer: Optimizer): Promise<SafetensorsFile> {
  const state = optimizer.state();
  const values = await readAll(machine, state.values());
  return writeSafetensors(
    [...state].map(([name, tensor]) => ({
      name,
      shape: tensor.shape,
      dtype: 'F32' as const,
      data: values.get(tensor) as Float32Array,
    })),
  );
}

/** Streams weights into a model on a machine. All names and shapes are checked first. @throws InputError */
export async function loadModel(machine: Machine, model: LanguageModel, sources: readonly ByteSource[]): Promise<void> {
  const byName = new Map(model.parameters.map((p) => [p.name, p]));
  for await (const { name, data } of loadWeights(sources, model.parameters)) machine.write(byName.get(name)!, data);
}

/** @throws InputError if the file's tensors are not those of this optimizer */
export async function loadOptimizer(machine: Machine, optimizer: Optimizer, source: ByteSource): Promise<void> {
  const reader = await SafetensorsReader.open(source);
  const state = optimizer.state();
  for (const [name, tensor] of state) {
    const info = reader.tensors.get(name);
    if (info?.dtype !== 'F32' || info.shape.join() !== tensor.shape.join()) {
      throw new InputError(
        `${source.name}: ${info ? `"${name}" has shape (${info.shape})` : `no tensor "${name}"`}, expected (${tensor.shape}). The checkpoint belongs to another model.`,
      );
    }
  }
  for (const [name, tensor] of state) machine.write(tensor, await reader.readFloat32(name));
}
