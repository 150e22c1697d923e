// Archives: what is written is read back, by us and as others pack it; what is damaged is refused.
import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readZip, writeZip } from '../src/checkpoint/zip.ts';
import { InputError } from '../src/errors.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const entries = [
  { path: 'run/config.json', bytes: bytes('{"n_head":2}') },
  { path: 'run/süß.txt', bytes: bytes('Wal\n'.repeat(100)) },
  { path: 'run/empty', bytes: bytes('') },
];

/** The first file of an archive packed by deflate, as other programs do. */
function deflated(path: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const stored = writeZip([{ path, bytes: content }]);
  const packed = deflateRawSync(content);
  const name = bytes(path).length;
  const zip = new Uint8Array(stored.length - content.length + packed.length);
  zip.set(stored.subarray(0, 30 + name));
  zip.set(packed, 30 + name);
  zip.set(stored.subarray(30 + name + content.length), 30 + name + packed.length);
  const view = new DataView(zip.buffer);
  const central = 30 + name + packed.length;
  view.setUint16(8, 8, true);
  view.setUint32(18, packed.length, true);
  view.setUint16(central + 10, 8, true);
  view.setUint32(central + 20, packed.length, true);
  view.setUint32(zip.length - 6, central, true);
  return zip;
}

test('what is written is read back, and the same files give the same archive', async () => {
  const zip = writeZip(entries);
  expect(await readZip('run.zip', zip)).toEqual(entries);
  expect(writeZip(entries)).toEqual(zip);
});

test('the check sum is the one that the format names', () => {
  // CRC-32 of "123456789" is CBF43926.
  const zip = writeZip([{ path: 'a', bytes: bytes('123456789') }]);
  expect(new DataView(zip.buffer).getUint32(14, true)).toBe(0xcbf43926);
});

test('packed files are unpacked', async () => {
  const content = bytes('Call me Ishmael. '.repeat(50));
  expect(await readZip('run.zip', deflated('a.txt', content))).toEqual([{ path: 'a.txt', bytes: content }]);
});

test('what is cut, changed or no archive is refused, and nothing is taken for what it says it unpacks to', async () => {
  const zip = writeZip(entries);
  const refused = (changed: Uint8Array<ArrayBuffer>) => expect(readZip('run.zip', changed)).rejects.toThrow(InputError);
  for (let length = 0; length < zip.length; length += 7) await refused(zip.slice(0, length));
  const flipped = zip.slice();
  flipped[50]! ^= 1;
  await refused(flipped);
  await refused(bytes('PK is not enough'.repeat(4)));
  const bomb = deflated('a.txt', bytes('a'.repeat(1000)));
  new DataView(bomb.buffer).setUint32(bomb.length - 22 - 46 - 5 + 24, 2 ** 31, true);
  await refused(bomb);
  await expect(readZip('run.zip', zip, 100)).rejects.toThrow('unpack to more than 100 bytes');
});

test('a thousand changed archives end as files or as a refusal', async () => {
  const zip = deflated('a.txt', bytes('The whale. '.repeat(20)));
  for (let seed = 0; seed < 1000; seed++) {
    const changed = zip.slice();
    for (let i = 0; i < 3; i++) changed[(seed * 7919 + i * 104_729) % zip.length] = (seed * 31 + i * 17) & 255;
    await readZip('run.zip', changed).catch((error) => expect(error).toBeInstanceOf(InputError));
  }
});
