// The commands that look: which adapters there are, what a step is made of, and a fixed workload whose losses are known.
import { expect, test } from 'vitest';
import { bench } from '../src/cli/bench/bench.ts';
import { devices } from '../src/cli/devices.ts';
import { inspect } from '../src/cli/inspect.ts';
import { fakeHome, shaderformer } from './cli_home.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;

async function run(...words: string[]): Promise<string> {
  const adapter = wanted ? ['--adapter', wanted] : [];
  const { code, stdout, stderr } = await shaderformer([...words, ...adapter], [bench, devices, inspect], fakeHome());
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

test('devices names the adapter that a command takes, among all that are here, and the forms of kernels that run on it', async () => {
  const { chosen, adapters, kernels } = JSON.parse(await run('devices', '--json'));
  expect(adapters.map((adapter: { name: string }) => adapter.name)).toContain(chosen);
  expect(Object.keys(kernels)).toContain('matmul');
});

test('inspect prints a line a dispatch, from the token table to the optimizer', async () => {
  const rows = (await run('inspect', '--layers', '1')).split('\n');
  expect(rows[1]).toMatch(/^0 +embed embedding +embedding .*weight\(81,32\)@parameters/);
  expect(rows.filter((row) => /\.backward /.test(row)).length).toBeGreaterThan(10);
  expect(rows.findLast((row) => /^\d+ {2,}/.test(row))).toMatch(/^\d+ .*optimizer adamw/);
});

test('inspect --trace follows a part of the model', async () => {
  const rows = (await run('inspect', '--layers', '1', '--trace', 'h.0.attn')).split('\n');
  expect(rows.some((row) => /read +transformer\.h\.0\.attn\.c_attn\.weight/.test(row))).toBe(true);
});

test('inspect --trace follows it through all plans of a step, and refuses only what none has', async () => {
  const words = ['inspect', '--layers', '1', '--accumulate', '2', '--trace'];
  const tables = (text: string) => text.split('\n').filter((row) => row.startsWith('#')).length;
  expect(tables(await run(...words, 'h.0.attn'))).toBe(1);
  expect(await run(...words, 'optimizer')).toContain('adamw (optimizer)');
  expect(tables(await run(...words, 'transformer.wte.weight'))).toBe(1);
  await expect(run(...words, 'h.7')).rejects.toThrow('trace h.7: no tensor or scope of that name');
});

// What other libraries give for the same sizes, weights and tokens.
test('bench train TINY has the losses of its peers, one submit a step, and makes nothing after the first', async () => {
  const line = JSON.parse(
    await run('bench', 'train', 'TINY', '--warm', '2', '--iterations', '1', '--block', '1', '--json'),
  );
  const losses = [4.21495, 3.89643, 3.71804, 3.63249];
  for (const [i, loss] of losses.entries()) expect(Math.abs(line.loss[i] - loss)).toBeLessThan(1e-4);
  expect(line.per_step).toMatchObject({ submits: 1, passes: 1, bindgroups: 0, buffers: 0 });
});

test('bench matmul times products of the type asked for, and refuses flags of training steps', async () => {
  const { chosen, adapters } = JSON.parse(await run('devices', '--json'));
  const { features } = adapters.find((adapter: { name: string }) => adapter.name === chosen);
  const half = features.includes('shader-f16') ? 'f16' : 'f32';
  expect(JSON.parse(await run('bench', 'matmul', '16', '--json')).config).toBe('f32 N=16');
  expect(JSON.parse(await run('bench', 'matmul', '16', '--dtype', 'f16', '--json')).config).toBe(`${half} N=16`);
  for (const flag of ['warm', 'iterations', 'block'])
    await expect(run('bench', 'matmul', '16', `--${flag}`, '2')).rejects.toThrow(
      `--${flag}: found with bench matmul, expected with bench train alone.`,
    );
});

test('bench decode takes nothing or a published size', async () => {
  await expect(run('bench', 'decode', 'gpt5')).rejects.toThrow(
    'bench decode: found "gpt5", expected nothing or one of gpt2, ',
  );
  await expect(run('bench', 'decode', 'gpt2', 'gpt2')).rejects.toThrow('decode alone or with one');
});
