// What a terminal shows while kernels compile, which takes seconds on some drivers; and that the line is gone afterwards.
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { bench } from '../src/cli/bench/bench.ts';
import { generate } from '../src/cli/generate.ts';
import { golden } from '../src/cli/golden/golden.ts';
import { Output } from '../src/cli/output.ts';
import { pretrain } from '../src/cli/pretrain.ts';
import { FakeStream, fakeHome, shaderformer } from './cli_home.ts';
import { scratchFolder, tiny } from './harness/program.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const place = scratchFolder();
afterAll(() => place.remove());

/** What a terminal's standard error got. */
async function onTerminal(...words: string[]): Promise<string> {
  const home = fakeHome();
  home.stdout.isTTY = home.stderr.isTTY = true;
  const adapter = wanted ? ['--adapter', wanted] : [];
  const { code, stderr } = await shaderformer([...words, ...adapter], [bench, generate, golden, pretrain], home);
  expect([code, stderr.match(/error: .*/g)]).toEqual([0, null]);
  return stderr;
}

describe('a terminal shows that kernels compile, and then nothing of it', () => {
  const small = fileURLToPath(new URL('golden', import.meta.url));
  const commands: [string, string[]][] = [
    ['golden', [small, '--only', 'relu']],
    ['bench', ['matmul', '16']],
    ['pretrain', [...tiny(), '--data', place.data, '--sample-every', '0', '--steps', '1', '--out', place.at('run')]],
    ['generate', ['--model', place.at('run'), '--prompt', 'It', '--max-new-tokens', '2']],
  ];
  test.each(commands)('%s', async (name, words) => {
    const stderr = await onTerminal(name, ...words);
    expect(stderr).toMatch(/\r\x1b\[Kcompiling kernel 1 of \d+\r/);
    expect(stderr).toMatch(/\r\x1b\[Kfirst run of \d+ new kernels\r/);
    expect(stderr.split('\r\x1b[K').at(-1)).not.toMatch(/compiling|first run/);
  });
});

test('no status line stands behind half a line of a streamed text', () => {
  const [stdout, stderr] = [new FakeStream(), new FakeStream()];
  stdout.isTTY = stderr.isTTY = true;
  const out = new Output({ stdout, stderr, env: { TERM: 'xterm' } });
  out.status('compiling kernel 1 of 2');
  out.stream('Call me ');
  out.status('compiling kernel 2 of 2');
  out.stream('Ishmael');
  out.print();
  out.status('saving');
  expect(stdout.text).toBe('Call me Ishmael\n\n');
  expect(stderr.text).toBe('\r\x1b[Kcompiling kernel 1 of 2\r\x1b[K\r\x1b[Ksaving');
});
