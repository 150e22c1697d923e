// A model larger than memory should hold at once goes through it in parts: what is read, kept and written at a time is counted.
import { expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { huggingFaceFiles } from '../src/checkpoint/export.ts';
import { writeGguf } from '../src/checkpoint/gguf.ts';
import { ggufModel } from '../src/checkpoint/gguf_families.ts';
import { openWeights } from '../src/checkpoint/huggingface.ts';
import { parseModelConfig } from '../src/checkpoint/model_config.ts';
import { type ByteSource, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { elementsOf, type Weights } from '../src/checkpoint/weights.ts';
import { LoadingLine } from '../src/cli/loading_line.ts';
import { Output } from '../src/cli/output.ts';
import { StopSignal } from '../src/cli/stop.ts';
import { InputError, StoppedError } from '../src/errors.ts';
import { makeModel } from '../src/nn/families.ts';
import { Twin } from '../src/reference/twin.ts';
import { openDevice } from '../src/runtime/device.ts';
import { layOutSlabs } from '../src/tensor/slab.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { loadModel } from '../src/train/snapshot.ts';
import { fakeHome } from './cli_home.ts';
import { llamaJson, tensorsOf } from './harness/model_files.ts';

const MIB = 2 ** 20;
/** A table of 46 million numbers, which is more than one piece, and a head that repeats it. */
const config = {
  ...llamaJson,
  vocab_size: 90_000,
  hidden_size: 512,
  intermediate_size: 64,
  tie_word_embeddings: true,
};
const json = JSON.stringify(config);

/** So many elements in a row are equal. */
const RUN = 2 ** 12;
/** The number that a file holds at an element: its name and place decide. */
const valueAt = (name: string, at: number) => ((Math.floor(at / RUN) * 31 + name.length * 7) % 1021) / 1024 - 0.5;

/** A file of the model that is never anywhere: bytes come from the place they are asked at. */
class Made implements ByteSource {
  readonly name = 'model.safetensors';
  readonly size: number;
  largest = 0;
  total = 0;
  /** The head repeats the table but for this element. */
  differs = -1;
  readonly #header: Uint8Array;
  readonly #places: { name: string; start: number; end: number }[] = [];

  constructor(head = true) {
    const tensors = [...tensorsOf(config), ...(head ? [{ name: 'lm_head.weight', shape: [90_000, 512] }] : [])];
    const file = writeSafetensors(
      tensors.map(({ name, shape }) => ({ name, shape, dtype: 'F32', data: () => new Float32Array() })),
    );
    this.#header = file.header;
    this.size = file.size;
    let at = file.header.length;
    for (const tensor of tensors.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      this.#places.push({ name: tensor.name, start: at, end: (at += 4 * elementsOf(tensor)) });
    }
  }

  read(offset: number, length: number): Uint8Array {
    this.largest = Math.max(this.largest, length);
    this.total += length;
    if (offset < this.#header.length) return this.#header.slice(offset, offset + length);
    const place = this.#places.find(({ start, end }) => start <= offset && offset + length <= end)!;
    const data = new Float32Array(length / 4);
    const name = place.name === 'lm_head.weight' ? 'model.embed_tokens.weight' : place.name;
    const first = (offset - place.start) / 4;
    for (let i = 0; i < data.length; ) {
      const end = Math.min(data.length, i + RUN - ((first + i) % RUN));
      data.fill(valueAt(name, first + i), i, end);
      i = end;
    }
    if (place.name === 'lm_head.weight' && this.differs >= first && this.differs < first + data.length)
      data[this.differs - first]! += 1;
    return new Uint8Array(data.buffer);
  }
}

test('a model of 370 MB is loaded by reads of 16 MiB, every element once, and is told of as it goes', async () => {
  const source = new Made();
  expect(source.size).toBeGreaterThan(300 * MIB);
  const model = makeModel(parseModelConfig(json, 'c').config, { seed: 0 });
  let elements = 0;
  let wrong = 0;
  const next = new Map<unknown, number>();
  const machine = {
    write(tensor, data, start = 0) {
      // In order and without a gap.
      if ((next.get(tensor) ?? 0) !== start) wrong++;
      next.set(tensor, start + data.length);
      elements += data.length;
      const whole = tensor.pieceOf;
      const first = start + (whole ? whole.row * whole.shape[1]! : 0);
      for (const i of [0, data.length >> 1, data.length - 1])
        if (data[i] !== Math.fround(valueAt(whole?.name ?? tensor.name, first + i))) wrong++;
    },
  } as Partial<Machine> as Machine;
  const told: number[] = [];
  await loadModel(machine, model, [source], undefined, {
    progress: (done, total) => void told.push(done / total),
  });
  expect(wrong).toBe(0);
  expect(elements).toBe(model.parameters.reduce((sum, { size }) => sum + size, 0));
  expect(model.parameters.filter(({ pieceOf }) => pieceOf).length).toBeGreaterThan(1);
  expect(source.largest).toBeLessThanOrEqual(16 * MIB);
  // The table twice (itself, and beside the head that repeats it), the head and all else once.
  expect(source.total).toBeLessThan(1.6 * source.size);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect([told.length > 11, told.at(-1)]).toEqual([true, 1]);
});

test('a head that repeats the table but for one element far inside is refused, by parts', async () => {
  const source = new Made();
  source.differs = 30_000_001;
  const opened = openWeights([source], tensorsOf(config));
  await expect(opened).rejects.toThrow(
    '"lm_head.weight" differs from "model.embed_tokens.weight" (first at element 30000001)',
  );
  await expect(opened).rejects.toThrow(InputError);
  expect(source.largest).toBeLessThanOrEqual(16 * MIB);
});

test('what looks on can end the loading', async () => {
  const model = makeModel(parseModelConfig(json, 'c').config, { seed: 0 });
  const machine = { write() {} } as Partial<Machine> as Machine;
  let parts = 0;
  const progress = () => {
    if (++parts === 3) throw new Error('enough');
  };
  await expect(loadModel(machine, model, [new Made(false)], undefined, { progress })).rejects.toThrow('enough');
  expect(parts).toBe(3);
});

/** Weights that answer zeros, and count. */
function zeros(): { weights: Weights; largest: () => number } {
  let largest = 0;
  const read = async (_: string, from: number, to: number) => {
    largest = Math.max(largest, to - from);
    return new Float32Array(to - from);
  };
  return { weights: { tensors: tensorsOf(config), dtype: 'F32', read }, largest: () => 4 * largest };
}

test.each(['F32', 'F16', 'BF16'] as const)(
  'folders and GGUF files in %s are written by chunks of 16 MiB',
  async (dtype) => {
    const { weights, largest } = zeros();
    const { config: parsed } = parseModelConfig(json, 'c');
    const parts = { config: json, configName: 'c', generation: '{}', weights, others: new Map() };
    const files = huggingFaceFiles(parts, dtype, 1e12);
    const { metadata, tensors } = ggufModel(parsed, weights, dtype, 'c');
    for (const content of [files.get('model.safetensors')!, writeGguf(metadata, tensors)]) {
      let bytes = 0;
      let chunk = 0;
      for await (const part of content as AsyncIterable<Uint8Array>) {
        bytes += part.length;
        chunk = Math.max(chunk, part.length);
      }
      expect(bytes).toBe((content as unknown as { size: number }).size);
      expect(Math.max(chunk, largest())).toBeLessThanOrEqual(16 * MIB);
    }
  },
);

test('a part of a parameter is written where it belongs, on the device and on the twin', async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  const device = await openDevice(wanted ? { adapter: wanted } : {});
  try {
    for (const machine of [device, new Twin()] as Machine[]) {
      const [before, tensor] = [3, 5].map((size) => new Tensor({ kind: 'parameter', shape: [size], name: `t${size}` }));
      layOutSlabs([before!, tensor!], 'slab', 'parameters');
      machine.write(before!, Float32Array.of(7, 8, 9));
      machine.write(tensor!, Float32Array.of(1, 2, 3, 4, 5));
      machine.write(tensor!, Float32Array.of(30, 40), 2);
      expect([...(await machine.read(tensor!))]).toEqual([1, 2, 30, 40, 5]);
      expect([...(await machine.read(before!))]).toEqual([7, 8, 9]);
      expect(() => machine.write(tensor!, new Float32Array(3), 3)).toThrow(
        'got 3 values from element 3 on, expected 5 in all',
      );
      expect(() => machine.write(tensor!, new Float32Array(1), -1)).toThrow(InputError);
      expect(() => machine.write(tensor!, new Float32Array(3))).toThrow('got 3 values, expected 5');
    }
  } finally {
    device.close();
  }
});

test('the line of a loading model lets signals through, and ends where one came', async () => {
  const signal = new StopSignal();
  const { stdout, stderr } = fakeHome();
  const line = new LoadingLine({ out: new Output({ stdout, stderr }), signal }, 'loading');
  await line.update(1, 10);
  setTimeout(() => signal.request('SIGINT'));
  const since = performance.now();
  const going = async () => {
    for (let i = 0; i < 1e6 && performance.now() - since < 10_000; i++) await line.update(i, 1e6);
  };
  await expect(going()).rejects.toThrow(StoppedError);
});
