// The device against the twin.
import { expect } from 'vitest';
import { Twin } from '../../src/reference/twin.ts';
import type { Device } from '../../src/runtime/device.ts';
import { prepare, type Results, run, type Sample } from './op_sample.ts';

/** Results of a sample on the device and on the twin. @param poison takes the place of one number of the first input */
export async function onBoth(
  device: Device,
  sample: Sample,
  replays = 1,
  poison?: number,
): Promise<[Results, Results]> {
  const prepared = prepare(sample, poison);
  const got = await run(device, prepared, replays);
  device.release(prepared.parameters.values());
  const expected = await run(new Twin(), prepared, replays);
  // The sum over everything is there for finite differences; its terms cancel, so it says little of a kernel.
  got.delete('total');
  expected.delete('total');
  return [got, expected];
}

/** Fails with name, index, expected and got. @param tolerance relative to the largest expected value */
export function expectClose(
  name: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(got.length, name).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const close = Object.is(got[i], expected[i]) || Math.abs(got[i]! - expected[i]!) <= tolerance * largest;
    if (!close)
      expect.fail(`${name}[${i}]: expected ${expected[i]}, got ${got[i]} (tolerance ${tolerance} of ${largest})`);
  }
}
