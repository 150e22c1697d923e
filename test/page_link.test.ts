// Links of the demo page: settings there and back, and what is said of those that cannot be taken.
import { expect, test } from 'vitest';
import { agrees, checkSettings, linkedSettings, readLink, writeLink } from '../demo/link.ts';
import type { PageSettings } from '../demo/protocol.ts';
import { fullSettings, pagePreset, pageSettingsOf } from '../demo/worker/presets.ts';

const defaults = pagePreset(1);
const settingsOf = (search: string) => {
  const link = readLink(search);
  return { ...link, settings: linkedSettings(defaults, link) };
};

test('what is written is read back, whatever the page would choose', () => {
  const wanted: PageSettings = {
    ...{ layers: 3, heads: 3, width: 48, context: 20, batch: 5, steps: 77, schedule: 'wsd', data: '0123456789ab' },
    ...{ learningRate: 0.00123, minLearningRate: 1e-7, warmupSteps: 7, weightDecay: 0, dropout: 0.1, seed: 4294967295 },
  };
  const link = writeLink(wanted);
  expect(link.length).toBeLessThan(2048);
  const read = readLink(link);
  expect(read.notes).toEqual([]);
  expect(linkedSettings(pagePreset(5000), read)).toEqual(wanted);
  expect(agrees(wanted, read.given)).toBe(true);
  expect(agrees({ ...wanted, seed: 1 }, read.given)).toBe(false);
});

test('an empty link is what the page would choose', () => {
  expect(settingsOf('').settings).toEqual(defaults);
  expect(agrees(defaults, {})).toBe(true);
});

test('what is unknown, given twice, or out of its range is left out, and told', () => {
  const { settings, notes, waits } = settingsOf('?width=-1&seed=abc&foo=1&steps=20&steps=30&lr=1e400&run=0&data=../x');
  expect(settings).toEqual({ ...defaults, steps: 20, warmupSteps: 2 });
  expect(waits).toBe(true);
  expect(notes).toEqual([
    'width: found -1, expected a whole number from 4 to 131072; left out.',
    'seed: found abc, expected a whole number from 0 to 4294967295; left out.',
    'foo: not a setting of this page; left out.',
    'steps: given twice; the first was taken.',
    'lr: found 1e400, expected a number above 0 and at most 1000000; left out.',
    'data: found ../x, expected moby-dick, or the first 12 digits of the hash of a text; left out.',
  ]);
});

test('settings that contradict each other are told, and one of them follows', () => {
  const { settings, notes } = settingsOf('?width=33&heads=4&warmup=50&steps=20&lr=0.001&minlr=0.1');
  expect(settings).toMatchObject({ width: 33, heads: 3, warmupSteps: 2, learningRate: 0.001, minLearningRate: 0 });
  expect(notes.length).toBe(3);
  expect(() => checkSettings(settings)).not.toThrow();
});

test('a very long link is left out', () => {
  expect(settingsOf(`?steps=20&${'x'.repeat(2048)}`).notes).toEqual([
    'link: found 2058 characters, expected at most 2048; left out.',
  ]);
});

test('10,000 links of any kind give settings that can be', () => {
  const words = [
    'layers',
    'heads',
    'width',
    'lr',
    'warmup',
    'steps',
    'seed',
    '__proto__',
    'constructor',
    '=',
    '&',
    '%',
  ];
  const values = ['1', '-0', '1e9', 'NaN', '', '%00', '7', '0.5', 'cosine', '99999999999999999999', '__proto__'];
  for (let i = 0; i < 10_000; i++) {
    const pick = (list: readonly string[], at: number) => list[(i * 7919 + at * 104_729) % list.length]!;
    const search = `?${[0, 1, 2].map((at) => `${pick(words, at)}=${pick(values, at + 3)}`).join('&')}`;
    expect(() => checkSettings(settingsOf(search).settings)).not.toThrow();
  }
});

test('a form is told the first setting that cannot be', () => {
  const refused = (change: Partial<PageSettings>) => () => checkSettings({ ...defaults, ...change });
  expect(refused({ heads: 3 })).toThrow('heads: found 3, expected a divisor of the width, 32. Use 2, 4 or 8.');
  expect(refused({ steps: 0.5 })).toThrow('steps: found 0.5, expected a whole number of steps from 1 to 1000000000.');
  expect(refused({ warmupSteps: 3000 })).toThrow('expected at most the 2000 steps');
  expect(refused({ minLearningRate: 1 })).toThrow('expected at most the learning rate, 0.01');
});

test('a faster machine gets a larger run, and a saved run shows the settings it was made of', () => {
  expect([null, 1, 10, 100, 5000].map((gflops) => pagePreset(gflops).width)).toEqual([32, 32, 64, 128, 384]);
  for (const gflops of [null, 10, 100, 5000]) {
    const page = pagePreset(gflops);
    expect(() => checkSettings(page)).not.toThrow();
    expect(pageSettingsOf(fullSettings(page), page.seed, page.data)).toEqual(page);
  }
});
