// Receipts: what is written is read, whatever is damaged is refused in a sentence, and a run is held to one step by step.
import { expect, test } from 'vitest';
import { readLink } from '../demo/link.ts';
import { metText } from '../demo/page/met.ts';
import type { PageSettings } from '../demo/protocol.ts';
import { kernelsHash, type Receipt, Replay, readReceipt, writeReceipt } from '../demo/receipt.ts';
import { recorded } from '../demo/recorded.ts';
import { bandAt, firstDifference, firstOutside } from '../demo/same_losses.ts';
import { Control } from '../demo/worker/control.ts';
import { goOn, Losses, type Lost, lostText } from '../demo/worker/recovery.ts';

const losses = Array.from({ length: 20 }, (_, i) => Math.fround(4.4 - 0.07 * i));
const receipt: Receipt = {
  losses,
  parameterHash: 'ab'.repeat(32),
  dataHash: '01'.repeat(32),
  kernels: kernelsHash({ matmul: 'tiled', sum: 'plain' }),
  adapter: 'google swiftshader',
  version: '0.1.0',
};
const text = writeReceipt(receipt);
/** One bit more. */
const next = (loss: number) => {
  const bits = new Uint32Array(Float32Array.of(loss).buffer);
  bits[0]!++;
  return new Float32Array(bits.buffer)[0]!;
};

test('what is written is read again, to the last bit, and is short enough for a link', () => {
  expect(readReceipt(text)).toEqual(receipt);
  expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(text.length).toBeLessThan(300);
  const short = { ...receipt, losses: losses.slice(0, 3), adapter: 'CPU twin é' };
  expect(readReceipt(writeReceipt(short))).toEqual(short);
  expect(readLink(`?steps=7&receipt=${text}`)).toMatchObject({ given: { steps: 7 }, receipt: text, notes: [] });
  expect(readLink('?steps=7').receipt).toBeNull();
});

test('the table of kernels counts, its order does not', () => {
  expect(kernelsHash({ sum: 'plain', matmul: 'tiled' })).toBe(receipt.kernels);
  expect(kernelsHash({ sum: 'plain', matmul: 'naive' })).not.toBe(receipt.kernels);
});

test('whatever is damaged is refused in one sentence', () => {
  const sentence = /^receipt: found .+, expected what "Copy receipt" gave; left out\.$/;
  const damaged = ['', '*', 'A', 'AA', 'not a receipt', `${text}AAAA`, `-${text}`, 'x'.repeat(500)];
  for (let length = 1; length < text.length; length++) damaged.push(text.slice(0, length));
  for (const each of damaged) expect(() => readReceipt(each), each).toThrow(sentence);
  expect(() => readReceipt(writeReceipt({ ...receipt, losses: [Number.NaN] }))).toThrow(sentence);
});

const here = { adapter: receipt.adapter, kernels: receipt.kernels, version: receipt.version };

/** Everything that is told of a run with these losses. */
function replayed(told: readonly number[], hash = receipt.parameterHash, where = here) {
  const replay = new Replay(receipt, where);
  const said = told.map((loss, i) => replay.step(i + 1, loss));
  return [...said, replay.end(hash)].filter((each) => each !== null);
}

test('the same run is the same to the last bit: once after 20 steps, once at the end', () => {
  const said = replayed([...losses, 3]);
  expect(said.map(({ verdict }) => verdict)).toEqual(['same', 'same']);
  expect(said.at(-1)!.sentence).toMatch(/^same to the last bit: .*\(hash abababab\)\.$/);
});

test('another bit at step 12 is told at step 12, with its size, and once', () => {
  const other = losses.with(11, next(losses[11]!));
  const replay = new Replay(receipt, here);
  const said = other.map((loss, i) => replay.step(i + 1, loss));
  expect(said.findIndex((each) => each !== null)).toBe(11);
  expect(said[11]).toEqual({ verdict: 'parts', sentence: 'parts at step 12 (2.4e-7).' });
  expect(said.slice(12).every((each) => each === null)).toBe(true);
  expect(replay.end(receipt.parameterHash)).toBeNull();
});

test('steps that a lost device has repeated are compared once more, and another end is told', () => {
  const replay = new Replay(receipt, here);
  for (const step of [1, 2, 3, 2, 3]) expect(replay.step(step, losses[step - 1]!)).toBeNull();
  for (let step = 4; step <= 20; step++) replay.step(step, losses[step - 1]!);
  expect(replay.last.verdict).toBe('same');
  expect(replay.end('cd'.repeat(32))!.sentence).toContain('parts after step 20');
});

test('on another adapter, or other kernels, a band is stated and kept to', () => {
  const near = losses.map((loss) => loss + 1e-6);
  const elsewhere = { ...here, adapter: 'CPU twin' };
  const [first, end] = replayed(near, 'cd'.repeat(32), elsewhere);
  expect(first).toMatchObject({ verdict: 'inside' });
  expect(first!.sentence).toContain('6.7e-5 wide at step 1 and 1.5e-3 at step 20');
  expect(end!.sentence).toContain('The parameter hash at the end is another one');
  const far = near.with(4, losses[4]! + 1e-3);
  expect(replayed(far, '', elsewhere)[0]).toMatchObject({
    verdict: 'outside',
    sentence: expect.stringMatching(/^outside the band at step 5 \(1\.0e-3\)/),
  });
  expect(replayed(near, '', { ...here, kernels: '0'.repeat(16) })[0]!.verdict).toBe('inside');
  expect(replayed(near.with(2, Number.NaN), '', elsewhere)[0]!.verdict).toBe('outside');
});

test('the band begins at some roundings of float32 and stays below what check 12 allows', () => {
  expect(bandAt(1, 4.4)).toBeCloseTo(4.4 * 256 * 2 ** -24, 12);
  for (let step = 1; step < 20; step++) expect(bandAt(step + 1, 4)).toBeGreaterThan(bandAt(step, 4));
  expect(bandAt(40, 4)).toBe(2e-3);
  expect(firstDifference(losses, losses)).toBeNull();
  expect(firstOutside(losses, losses.with(0, losses[0]! + 1e-4))).toMatchObject({ step: 1 });
});

test('the recorded run is met, parted from, or stayed near to; other settings are not compared', () => {
  const steps = recorded.firstLosses.map((_, i) => i + 1);
  const run = { settings: recorded.settings, adapter: recorded.adapter, steps, loss: recorded.firstLosses };
  expect(metText(run, recorded)).toBe("Its first 20 losses are the recorded run's, to the last bit.");
  const other = recorded.firstLosses.with(2, next(recorded.firstLosses[2]!));
  expect(metText({ ...run, loss: other }, recorded)).toMatch(
    /^It parts from the recorded run at step 3 \(\d\.\de-7\)\.$/,
  );
  expect(metText({ ...run, loss: other, adapter: 'CPU twin' }, recorded)).toContain('within float32 rounding');
  expect(metText({ ...run, steps: steps.slice(0, 19) }, recorded)).toBe('');
  expect(metText({ ...run, settings: { ...recorded.settings, seed: 1 } as PageSettings }, recorded)).toBe('');
});

test('a device that is lost without a step between three times over is one too many, and so is one without a new step', () => {
  const losses = new Losses();
  expect([losses.add(0, 30), losses.add(25, 25), losses.add(25, 25)]).toEqual([null, null, null]);
  expect(losses.add(25, 25)).toBe('The GPU device was lost 4 times without a step between.');
  losses.reset();
  for (let i = 0; i < 10; i++) expect(losses.add(25, 37)).toBeNull();
  expect(losses.add(25, 37)).toBe('The GPU device was lost 11 times without a new step.');
  losses.reset();
  for (let i = 1; i < 30; i++) expect(losses.add(i, i + 1)).toBeNull();
});

test('what is said of a loss, and what the run is to do after it', () => {
  expect(lostText({ step: 431, from: 425, ms: 40.2 })).toBe(
    'device lost at step 431, rebuilt in 40 ms, steps 426 to 431 repeated',
  );
  expect(lostText({ step: 26, from: 25, ms: 1040, name: 'llvmpipe' })).toBe(
    'device lost at step 26, rebuilt in 1,040 ms on llvmpipe, step 26 repeated',
  );
  expect(lostText({ step: 25, from: 25, ms: 40 })).toContain('no step repeated');
  const after = (lost: Partial<Lost>, from: number) => {
    const control = new Control();
    const driver = { control, run: { totalSteps: 60 } } as unknown as Lost['driver'];
    const held = goOn(driver, { step: 37, state: 'training', wanted: null, ...lost } as Lost, from);
    return { held, going: control.going, until: control.until };
  };
  expect(after({ wanted: { going: true, until: null } }, 25)).toMatchObject({ going: true });
  // It was to hold: it does so where it was.
  expect(after({ wanted: { going: false, until: null } }, 25)).toMatchObject({ held: false, until: 37 });
  expect(after({ wanted: { going: false, until: 38 } }, 25)).toMatchObject({ until: 38 });
  expect(after({ wanted: { going: false, until: null }, state: 'paused' }, 37)).toMatchObject({ held: true });
  // Its steps were done, and their hash was not told yet.
  expect(after({ wanted: { going: false, until: null }, step: 60 }, 60)).toMatchObject({ going: true });
});
