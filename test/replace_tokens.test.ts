import { expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import { replaceTokens } from '../src/tasks/replace_tokens.ts';

const [B, T] = [8, 64];
const lengths = Array.from({ length: B }, (_, row) => T - 4 * row);
const batch = () => {
  const data = Int32Array.from({ length: B * T }, (_, i) => (i % T < lengths[Math.floor(i / T)]! ? (i % 8) + 1 : 0));
  return { inputs: { shape: [B, T], data }, targets: { shape: [B, T], data: data.slice() } };
};
const options = { share: 0.25, from: 3, below: 1000, seed: 5 };
const replaced = (pass = 0, more = {}) => replaceTokens(batch(), lengths, { ...options, ...more }, pass).inputs!.data;

test('about the share is replaced, by any of the ids; special tokens, padding and targets stay', () => {
  const [before, after] = [batch().inputs.data, replaced()];
  const used = lengths.reduce((sum, n) => sum + n, 0);
  const changed = [...after.keys()].filter((i) => after[i] !== before[i]);
  // 6 of 8 tokens are no special ones.
  expect(changed.length / used).toBeGreaterThan(0.25 * 0.75 * 0.7);
  expect(changed.length / used).toBeLessThan(0.25 * 0.75 * 1.3);
  for (const i of changed) {
    expect(before[i]).toBeGreaterThanOrEqual(3);
    expect(after[i]).toBeGreaterThanOrEqual(3);
    expect(after[i]).toBeLessThan(1000);
  }
  expect(new Set(changed.map((i) => after[i])).size).toBeGreaterThan(changed.length / 2);
  expect(replaceTokens(batch(), lengths, options, 0).targets).toEqual(batch().targets);
});

test('what is replaced follows from seed and pass', () => {
  expect(replaced(3)).toEqual(replaced(3));
  expect(replaced(3)).not.toEqual(replaced(4));
  expect(replaced(3)).not.toEqual(replaced(3, { seed: 6 }));
  expect(replaced(3, { share: 0 })).toEqual(batch().inputs.data);
});

test('shares and ids out of range are refused', () => {
  expect(() => replaced(0, { share: 1 })).toThrow(
    'replacing tokens: found a share of 1, expected a number from 0 below 1.',
  );
  expect(() => replaced(0, { share: Number.NaN })).toThrow(InputError);
  expect(() => replaced(0, { below: 3 })).toThrow('replacing tokens: found ids from 3 below 3, expected at least one.');
});
