// The weights of an adapter's file: what it holds is matched with what the model asks for by name and shape; values are read on demand.
import { InputError } from '../errors.ts';
import { loraName, PEFT_PREFIX } from '../nn/lora_config.ts';
import { checkFinite } from './huggingface.ts';
import { firstTen, quoted } from './json.ts';
import { ADAPTER_CONFIG_NAME } from './peft_config.ts';
import { type ByteSource, formatShape, SafetensorsReader } from './safetensors.ts';
import { commonDtype, type ExpectedTensor, type Weights } from './weights.ts';

export const ADAPTER_NAME = 'adapter_model.safetensors';

/**
 * The tensors of an adapter's file. All names, shapes and dtypes are checked here.
 * @param expected what the adapted model asks for, by PEFT's names
 * @throws InputError for a layer with one factor of the two, a tensor that is missing, unknown or of another shape
 */
export async function peftWeights(source: ByteSource, expected: readonly ExpectedTensor[]): Promise<Weights> {
  const reader = await SafetensorsReader.open(source);
  const { tensors, name: file } = reader;
  for (const linear of layersOf(tensors.keys())) {
    const [a, b] = [tensors.has(loraName(linear, 'A')), tensors.has(loraName(linear, 'B'))];
    if (a !== b)
      throw new InputError(
        `${file}: ${quoted(linear)} has lora_${a ? 'A but no lora_B' : 'B but no lora_A'}, expected both. The file is not whole: take another one.`,
      );
  }
  const wanted = new Map(expected.map((tensor) => [tensor.name, tensor]));
  const missing = expected.filter(({ name }) => !tensors.has(name)).map(({ name }) => quoted(name));
  const unknown = [...tensors.keys()].filter((name) => !wanted.has(name)).map(quoted);
  const shapes = expected.flatMap(({ name, shape }) => {
    const found = tensors.get(name)?.shape;
    if (!found || found.join() === shape.join()) return [];
    return `${quoted(name)} is ${formatShape(found)}, expected ${formatShape(shape)}`;
  });
  const problems = [
    missing.length > 0 ? `${missing.length} missing: ${firstTen(missing)}` : '',
    unknown.length > 0 ? `${unknown.length} unknown: ${firstTen(unknown)}` : '',
    shapes.length > 0 ? `${shapes.length} of another shape: ${firstTen(shapes)}` : '',
  ].filter((problem) => problem !== '');
  if (problems.length > 0)
    throw new InputError(
      `${file}: found other tensors than the ${expected.length} that ${ADAPTER_CONFIG_NAME} and this base ask for: ${problems.join('; ')}. Take the base that the adapter was made for, and both files of one adapter.`,
    );
  for (const { name } of expected) reader.checkWeight(name);
  return {
    tensors: expected,
    dtype: commonDtype(expected.map(({ name }) => tensors.get(name)!.dtype)),
    async read(name, from, to) {
      const data = await reader.readFloat32(name, from, to);
      checkFinite(data, name, file, from);
      return data;
    },
  };
}

/** Layers that any of these tensors is a factor for. */
function layersOf(names: Iterable<string>): Set<string> {
  const layers = new Set<string>();
  for (const name of names) {
    const end = /\.lora_[AB]\.weight$/.exec(name);
    if (end && name.startsWith(PEFT_PREFIX)) layers.add(name.slice(PEFT_PREFIX.length, end.index));
  }
  return layers;
}
