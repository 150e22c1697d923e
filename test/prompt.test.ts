// What generate goes on from, where it comes from standard input.
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { promptOf } from '../src/cli/generate_prompt.ts';
import { StopSignal } from '../src/cli/stop.ts';
import { ByteTokenizer } from '../src/data/tokenizer.ts';
import { StoppedError } from '../src/errors.ts';

const own = Object.getOwnPropertyDescriptor(process, 'stdin')!;
afterEach(() => void Object.defineProperty(process, 'stdin', own));

function standardInput(): PassThrough {
  const stream = new PassThrough();
  Object.defineProperty(process, 'stdin', { value: stream, configurable: true });
  return stream;
}

const prompt = (signal: StopSignal) => promptOf(undefined, undefined, new ByteTokenizer(), 256, signal);

describe('standard input', () => {
  test('is read to its end, without the last line end', async () => {
    const input = standardInput();
    const ids = prompt(new StopSignal());
    input.write('h');
    input.end('i\n');
    expect(await ids).toEqual([104, 105]);
  });

  test('that nobody ends is not waited for through a signal', async () => {
    const input = standardInput();
    const signal = new StopSignal();
    const ids = prompt(signal);
    input.write('hi');
    signal.request('SIGTERM');
    await expect(ids).rejects.toThrow(StoppedError);
    expect(input.destroyed).toBe(true);
  });
});
