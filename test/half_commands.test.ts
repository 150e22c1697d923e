// --dtype as a person meets it: told where the adapter has no f16, recorded, kept by a run that goes on.
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MOST_STORAGE, STORAGE_FACTOR } from '../src/cli/golden/judge.ts';
import { openDevice } from '../src/runtime/device.ts';
import { run } from './harness/inside.ts';
import { type Line, scratchFolder, tiny } from './harness/program.ts';
import { resign } from './harness/resign.ts';

const place = scratchFolder();
afterAll(() => place.remove());

let lacks: string | null;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  const device = await openDevice(wanted ? { adapter: wanted } : {});
  lacks = device.capabilities.features.has('shader-f16') ? null : `${device.name} has no shader-f16`;
  device.close();
});

const settings = [...tiny(), '--data', place.data, '--eval-every', '0', '--sample-every', '0', '--json'];
const saved = (step: string) => JSON.parse(fs.readFileSync(place.at(`${step}/training.json`), 'utf8'));
const startOf = (lines: Line[]) => lines.find((line) => line.event === 'start')!;
const NOTE = 'dtype: f16 is not available on this adapter (it has no shader-f16), f32 is used';

// WebGPU's default limits come without optional features, on every adapter.
const without = ['--limits', 'default'];

test('without f16 one line says so, and the run computes in f32 and records that', async () => {
  const words = ['pretrain', ...settings, '--steps', '2', '--dtype', 'f16', ...without, '--out', place.at('lacking')];
  const { code, stderr, lines } = await run(words);
  expect(code).toBe(0);
  expect(stderr.split('\n').filter((line) => line.includes('shader-f16'))).toEqual([NOTE]);
  expect(startOf(lines).dtype).toBe('f32');
  expect(saved('lacking/step-000002').settings.dtype).toBe('f32');
  for (const command of [
    ['evaluate', '--model', place.at('lacking'), '--data', place.data],
    ['generate', '--model', place.at('lacking'), '--prompt', 'e', '--max-new-tokens', '2'],
    ['inspect', '--forecast', '--vocabulary', '40', '--layers', '1', '--width', '16', '--heads', '2'],
  ]) {
    const said = await run([...command, '--dtype', 'f16', ...without]);
    expect([said.code, said.stderr.includes(NOTE)], command[0]).toEqual([0, true]);
  }
});

test('a run that was saved before there was a choice goes on in f32', async () => {
  const step = place.at('lacking/step-000002');
  const { dtype: _, ...older } = saved('lacking/step-000002').settings;
  fs.writeFileSync(`${step}/training.json`, JSON.stringify({ ...saved('lacking/step-000002'), settings: older }));
  resign(step);
  const { code, stderr } = await run([
    'pretrain',
    '--resume',
    place.at('lacking'),
    '--steps',
    '3',
    ...without,
    '--json',
  ]);
  expect([code, stderr.includes('shader-f16')]).toEqual([0, false]);
});

test('a run in f16 records it, and goes on in nothing else', async (context) => {
  if (lacks) context.skip(lacks);
  const out = place.at('half');
  const { code, stderr, lines } = await run(['pretrain', ...settings, '--steps', '2', '--dtype', 'f16', '--out', out]);
  expect([code, stderr.includes('shader-f16')]).toEqual([0, false]);
  expect(startOf(lines).dtype).toBe('f16');
  expect(lines.find((line) => line.event === 'step')!.lossScale).toBe(65536);
  expect(saved('half/step-000002').settings.dtype).toBe('f16');
  const words = ['pretrain', '--resume', out, '--steps', '3', '--json'];
  const other = await run([...words, '--dtype', 'f32']);
  expect([other.code, other.errors[0]]).toEqual([
    2,
    expect.stringMatching(/^--dtype: found f32, expected f16, with which .*step-000002 began\./),
  ]);
  const lacking = await run([...words, ...without]);
  expect([lacking.code, lacking.errors[0]]).toEqual([
    2,
    expect.stringMatching(/^--resume: .*step-000002 computes in f16, this adapter has no shader-f16\. Go on with it/),
  ]);
  expect((await run(words)).code).toBe(0);
  const losses = await Promise.all(
    ['f32', 'f16'].map(async (dtype) => {
      const said = await run(['evaluate', '--model', out, '--data', place.data, '--dtype', dtype, '--json']);
      return said.lines.at(-1)!.loss as number;
    }),
  );
  // What storage may cost the twin, and a device beside it.
  expect(Math.abs(losses[0]! - losses[1]!)).toBeLessThan(STORAGE_FACTOR * MOST_STORAGE.loss * losses[0]!);
});
