// The safetensors reader and writer: what is sound comes back to the bit, what is malformed is refused with one sentence.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parameterHash, Sha256 } from '../src/checkpoint/hash.ts';
import {
  bytesSource,
  collectBytes,
  parseHeader,
  SafetensorsReader,
  type TensorEntry,
  writeSafetensors,
} from '../src/checkpoint/safetensors.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const golden = '../shared/golden/traces/gpt2';

/** A file with this header (as text or bytes) and this many bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function tensor(shape: number[], offsets: number[], dtype = 'F32'): string {
  return `{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offsets}]}`;
}

function refusal(bytes: Uint8Array): string {
  try {
    parseHeader(bytes, bytes.length, 'model.safetensors');
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  return 'accepted';
}

const sound = file(`{"wte":${tensor([2, 3], [0, 24])},"b":${tensor([2], [24, 32])}}`, 32);
const cutHeader = `{"wte":${tensor([2, 3], [0, 24])}}`;
const badUtf8 = new TextEncoder().encode('{"x":1}');
badUtf8[1] = 0xff;

const malformed: [string, Uint8Array, string][] = [
  ['0 bytes', new Uint8Array(0), 'empty file. The download or copy did not finish'],
  ['7 bytes', new Uint8Array(7), '7 bytes, a safetensors file has at least 10'],
  ['header length 0', file('', 92, 0n), 'header length 0, expected at least 2'],
  ['length FF x 8', file('', 92, 2n ** 64n - 1n), 'header says 18446744073709551615 bytes, the file has 92 left'],
  ['length one too many', file('', 92, 93n), 'header says 93 bytes, the file has 92 left'],
  ['a header of 17 MiB', file('', 17 * 2 ** 20, 17n * 2n ** 20n), 'header of 17 MiB, limit 16 MiB'],
  ['a pickle', new TextEncoder().encode('PK\x03\x04 archive/data.pkl'), 'found a PyTorch pickle, expected safetensors'],
  ['a web page', new TextEncoder().encode('<!DOCTYPE html><html>'), 'found a web page, expected safetensors'],
  ['not UTF-8', file(badUtf8), 'header is not UTF-8 at byte 1'],
  ['a list', file('[]'), 'header is a list, expected an object of tensors'],
  ['cut JSON', file(cutHeader.slice(0, 40).padEnd(64)), 'header: not JSON at byte 40: found the end'],
  ['a name twice', file(`{"wte":${tensor([2], [0, 8])},"wte":${tensor([1], [0, 4])}}`, 8), '"wte" appears twice'],
  ['deep nesting', file(`{"a":${'['.repeat(100000)}`), 'nesting over 64 levels'],
  [
    'dtype F33',
    file(`{"wte":${tensor([2], [0, 8], 'F33')}}`, 8),
    '"wte": dtype "F33" unknown; supported are F32 F16 BF16',
  ],
  ['dtype F8_E4M3', file(`{"wte":${tensor([2], [0, 2], 'F8_E4M3')}}`, 2), 'F8_E4M3 is known but not supported'],
  [
    'an overflowing shape',
    file(`{"a":${tensor([4194305, 4194305, 211106198978564], [0, 16])}}`, 16),
    '"a": shape has 3.7e27 elements, over the limit',
  ],
  [
    'a size over 2^53',
    file(`{"a":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]}}`, 4),
    'shape holds 18446744073709551617',
  ],
  ['zero times huge', file(`{"a":${tensor([0, 4194305, 211106198978564], [0, 0])}}`), '"a": shape has 8.9e20 elements'],
  ['a negative size', file(`{"a":${tensor([-1], [0, 4])}}`, 4), 'shape holds -1, expected whole numbers'],
  ['half a size', file(`{"a":${tensor([0.5], [0, 4])}}`, 4), 'shape holds 0.5, expected whole numbers'],
  ['an overlap', file(`{"a":${tensor([6], [0, 24])},"b":${tensor([6], [0, 24])}}`, 24), '"b" overlaps "a"'],
  [
    'a hole',
    file(`{"a":${tensor([6], [0, 24])},"b":${tensor([6], [32, 56])}}`, 56),
    '8 bytes between "a" and "b" belong to nobody',
  ],
  ['a hole at the start', file(`{"a":${tensor([6], [8, 32])}}`, 32), '8 bytes before "a" belong to nobody'],
  ['bytes behind', file(`{"a":${tensor([6], [0, 24])}}`, 40), '16 bytes after the last tensor'],
  [
    'data past the end',
    file(`{"a":${tensor([6], [0, 24])}}`, 20),
    '"a": data ends at byte 24, the file has 20 bytes of data',
  ],
  ['backward offsets', file(`{"a":${tensor([6], [24, 0])}}`, 24), 'data_offsets [24,0], expected [begin, end]'],
  ['three offsets', file(`{"a":${tensor([6], [0, 12, 24])}}`, 24), 'data_offsets [0,12,24], expected [begin, end]'],
  ['a wrong size', file(`{"a":${tensor([2, 4], [0, 24])}}`, 24), 'found 24 bytes of data, expected 32 for F32 [2,4]'],
  [
    'more bytes than the shape has',
    file(`{"a":${tensor([2, 2], [0, 24])}}`, 24),
    'found 24 bytes of data, expected 16 for F32 [2,2]',
  ],
  ['metadata with a number', file('{"__metadata__":{"step":5}}'), 'metadata "step" is 5, expected text'],
  ['metadata as a list', file('{"__metadata__":[]}'), '"__metadata__" is a list, expected an object of texts'],
  ['a tensor __proto__', file(`{"__proto__":${tensor([1], [0, 4])}}`, 4), 'tensor name "__proto__" refused'],
  ['a tensor constructor', file(`{"constructor":${tensor([1], [0, 4])}}`, 4), 'tensor name "constructor" refused'],
  ['a tensor that is null', file('{"a":null}'), '"a": found null, expected dtype, shape and data_offsets'],
  ['no dtype', file('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), 'dtype is nothing, expected text'],
  ['half a surrogate pair', file('{"\\ud800":null}'), 'found half of a surrogate pair, expected whole characters'],
];

test.each(malformed)('%s is refused', (_, bytes, sentence) => {
  const message = refusal(bytes);
  expect(message).toMatch(/^model\.safetensors: .+\.$/);
  expect(message).toContain(sentence);
});

test('the whole sentences read well', () => {
  const pick = ['7 bytes', 'length FF x 8', 'cut JSON', 'an overlap', 'metadata with a number'];
  expect(malformed.filter(([name]) => pick.includes(name)).map(([, bytes]) => refusal(bytes))).toMatchInlineSnapshot(`
    [
      "model.safetensors: 7 bytes, a safetensors file has at least 10. The download or copy did not finish.",
      "model.safetensors: header says 18446744073709551615 bytes, the file has 92 left. Cut or not safetensors: fetch it again.",
      "model.safetensors: header: not JSON at byte 40: found the end, expected a closing quote. The file is cut or damaged: copy or write it again.",
      "model.safetensors: "b" overlaps "a", expected data of its own. The file is damaged.",
      "model.safetensors: metadata "step" is 5, expected text. Write the file again.",
    ]
  `);
});

test('a header of 17 MiB that the caller allows is read as far as it goes', () => {
  const bytes = file('', 17 * 2 ** 20, 17n * 2n ** 20n);
  expect(() => parseHeader(bytes, bytes.length, 'm', { maxHeaderBytes: 2 ** 25 })).toThrow('not JSON at byte 0');
});

test('nothing is allocated from a declared size: 20 small files that claim up to 2^64 bytes', () => {
  const before = process.memoryUsage().rss;
  for (let power = 45; power <= 64; power++) {
    const size = 2n ** BigInt(power);
    refusal(file(`{"a":{"dtype":"U8","shape":[${size}],"data_offsets":[0,${size}]}}`, 100));
    refusal(file('{}', 100, size - 1n));
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

/** Small, fast and seeded: Marsaglia's xorshift32. */
function generator(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** A change of a few bytes: a flipped bit, a cut, bytes lost, or a word that JSON or the format makes something of. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const words = '{ } [ ] " : , - 0 1e999 9007199254740993 null \\u __proto__ F16 4 24 \u{1F600}'.split(' ');
  const at = random(bytes.length);
  const behind = [...bytes.subarray(at)];
  const before = [...bytes.subarray(0, at)];
  const kind = random(8);
  if (kind === 0) return Uint8Array.from(before);
  if (kind < 3) return Uint8Array.from([...before, ...behind.slice(1 + random(8))]);
  if (kind < 5)
    return Uint8Array.from([...before, ...new TextEncoder().encode(words[random(words.length)]), ...behind]);
  return Uint8Array.from([...before, behind[0]! ^ (1 << random(8)), ...behind.slice(1)]);
}

/** How long a header takes to be accepted or refused, in ms; the least of three tries, since this machine does other things too. */
function timeToAnswer(bytes: Uint8Array, count: { accepted: number }): number {
  let least = Infinity;
  for (let round = 0; round < 3 && least > 50; round++) {
    const start = performance.now();
    try {
      parseHeader(bytes, bytes.length, 'mutant');
      count.accepted++;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

test('20,000 mutants end in a value or an InputError, each within 50 ms', () => {
  const seeds = [
    sound,
    sound,
    ...malformed.map(([, bytes]) => bytes).filter((bytes) => bytes.length > 0 && bytes.length < 1000),
  ];
  const random = generator(1337);
  const count = { accepted: 0 };
  for (let n = 0; n < 20000; n++) {
    let bytes = seeds[random(seeds.length)]!;
    if (n % 2 === 0 || bytes.length < 10) {
      for (let change = 1 + random(3); change > 0 && bytes.length > 0; change--) bytes = mutate(bytes, random);
    } else {
      // The header alone changes and its length stays true, so that the checks behind the length are reached.
      const end = Math.min(bytes.length, 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
      const json = mutate(bytes.subarray(8, Math.max(end, 9)), random);
      bytes = file(json, bytes.length - end);
    }
    expect(timeToAnswer(bytes, count)).toBeLessThan(50);
  }
  expect(count.accepted).toBeGreaterThan(100);
});

const entries: TensorEntry[] = [
  { name: 'b', dtype: 'F32', shape: [2, 2], data: new Float32Array([1, -0, Number.NaN, 1e-45]) },
  { name: 'half', dtype: 'F16', shape: [3], data: new Float32Array([1, 65504, 2 ** -24]) },
  { name: 'brain', dtype: 'BF16', shape: [1], data: new Float32Array([-1.5]) },
  { name: 'ids', dtype: 'I32', shape: [2], data: new Int32Array([-1, 7]) },
  { name: 'curve', dtype: 'F64', shape: [], data: () => Promise.resolve(new Float64Array([Math.PI])) },
  { name: 'none', dtype: 'F32', shape: [0, 5], data: new Float32Array(0) },
  { name: '\u{1F600}é', dtype: 'F32', shape: [1], data: new Float32Array([5]) },
  { name: '\uffe6', dtype: 'F32', shape: [1], data: new Float32Array([6]) },
];

test('what was written is read back to the bit', async () => {
  const bytes = await collectBytes(writeSafetensors(entries, new Map([['format', 'pt']])));
  const reader = await SafetensorsReader.open(bytesSource('a', bytes));
  expect(reader.metadata).toEqual(new Map([['format', 'pt']]));
  expect(reader.tensors.size).toBe(entries.length);
  expect(await reader.read('b')).toEqual(new Float32Array([1, -0, Number.NaN, 1e-45]));
  expect(await reader.read('half')).toEqual(new Float32Array([1, 65504, 2 ** -24]));
  expect(await reader.read('brain')).toEqual(new Float32Array([-1.5]));
  expect(await reader.read('ids')).toEqual(new Int32Array([-1, 7]));
  expect(await reader.read('curve')).toEqual(new Float64Array([Math.PI]));
  expect(await reader.read('none')).toEqual(new Float32Array(0));
  await expect(reader.readFloat32('ids')).rejects.toThrow('"ids": dtype I32, expected F32, F16 or BF16 for a weight');
  await expect(reader.read('c')).rejects.toThrow('no tensor "c"; it has 8:');
});

test('I64, U8 and BOOL come as they are', async () => {
  const bytes = file(
    `{"i":${tensor([1], [0, 8], 'I64')},"u":${tensor([1], [8, 9], 'U8')},"t":${tensor([1], [9, 10], 'BOOL')}}`,
    10,
  );
  bytes.set([1, 0, 0, 0, 0, 0, 0, 0, 255, 1], bytes.length - 10);
  const reader = await SafetensorsReader.open(bytesSource('a', bytes));
  expect(await reader.read('i')).toEqual(new BigInt64Array([1n]));
  expect(await reader.read('u')).toEqual(new Uint8Array([255]));
  expect(await reader.read('t')).toEqual(new Uint8Array([1]));
});

test('the order of entries does not matter, and save, load, save gives identical bytes', async () => {
  const first = await collectBytes(writeSafetensors(entries));
  expect(await collectBytes(writeSafetensors([...entries].reverse()))).toEqual(first);
  const reader = await SafetensorsReader.open(bytesSource('a', first));
  const again = [...reader.tensors].map(
    ([name, { dtype, shape }]) => ({ name, dtype, shape, data: () => reader.read(name) }) as TensorEntry,
  );
  const file = writeSafetensors(again, reader.metadata);
  expect(await collectBytes(file)).toEqual(first);
  expect(file.size).toBe(first.length);
  expect(file.header.length % 8).toBe(0);
  // Byte order puts U+FFE6 before U+1F600; the order of UTF-16 units would not.
  expect([...reader.tensors.keys()].filter((name) => name > '~')).toEqual(['\uffe6', '\u{1F600}é']);
});

test('a source that became shorter is told', async () => {
  const source = {
    ...bytesSource('a', sound),
    read: (at: number, length: number) => sound.subarray(at, Math.min(at + length, sound.length - 4)),
  };
  const reader = await SafetensorsReader.open(source);
  await expect(reader.read('b')).rejects.toThrow('"b": found 4 bytes, expected 8. The file changed while it was read.');
});

test('faults of the caller are caught before anything is wrong on disk', async () => {
  expect(() => writeSafetensors([entries[0]!, entries[0]!])).toThrow('"b" given twice');
  const short = { ...entries[0]!, shape: [5] };
  await expect(collectBytes(writeSafetensors([short]))).rejects.toThrow('"b": 4 values in a Float32Array for F32 [5]');
});

test('SHA-256 agrees with node:crypto for every length around a block, in one piece and in many', async () => {
  const { createHash } = await import('node:crypto');
  for (let length = 0; length <= 260; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
    const expected = createHash('sha256').update(bytes).digest('hex');
    expect(new Sha256().update(bytes).hex()).toBe(expected);
    const pieces = new Sha256();
    for (let at = 0, size = 1; at < length; at += size, size = (size * 7) % 71)
      pieces.update(bytes.subarray(at, at + size));
    expect(pieces.hex()).toBe(expected);
  }
});

test('the parameter hash is over name, then values, in byte order of names', async () => {
  const { createHash } = await import('node:crypto');
  const a = new Float32Array([1, 2]);
  const b = new Float32Array([9, 3]).subarray(1);
  const expected = createHash('sha256')
    .update('a')
    .update(new Uint8Array(a.buffer))
    .update('b')
    .update(new Uint8Array(new Float32Array([3]).buffer));
  const hash = parameterHash([
    { name: 'b', data: b },
    { name: 'a', data: a },
  ]);
  expect(hash).toBe(expected.digest('hex'));
});

testWith(golden, 'every golden file of gpt2 is read whole', async () => {
  for (const name of readdirSync(golden).filter((name) => name.endsWith('.safetensors'))) {
    const bytes = new Uint8Array(readFileSync(`${golden}/${name}`));
    const reader = await SafetensorsReader.open(bytesSource(name, bytes));
    let read = 0;
    for (const [tensor, { shape }] of reader.tensors) {
      const values = await reader.read(tensor);
      expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
      read++;
    }
    expect(read).toBeGreaterThan(0);
  }
});
