// finetune as people type it: every task trains, is stopped and goes on to the same end, saves what it should, and refuses what it must.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileSource } from '../src/checkpoint/files.ts';
import { SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { fakeHome } from './cli_home.ts';
import { run, type Said } from './harness/inside.ts';
import { type Line, listing, scratchFolder, tiny } from './harness/program.ts';
import { text } from './harness/tiny_training.ts';

const place = scratchFolder();
const quiet = ['--json', '--quiet'];
const long = place.at('long.txt');
const files = { rows: place.at('rows.tsv'), asks: place.at('asks.json'), pairs: place.at('pairs.json') };

/** Words of the text that the model knows, so many from a place on. */
const words = text.split(/\s+/).filter(Boolean);
const some = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => words[(from + i) % words.length]!).join(' ');

beforeAll(async () => {
  fs.writeFileSync(long, text.repeat(9));
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${['first', 'second', 'third'][i % 3]}\t${some(7 * i, 3 + (i % 4))}`,
  );
  fs.writeFileSync(files.rows, `${rows.join('\n')}\n`);
  const asks = Array.from({ length: 40 }, (_, i) => ({
    instruction: some(i, 2),
    input: '',
    output: some(3 * i, 2 + (i % 3)),
  }));
  fs.writeFileSync(files.asks, JSON.stringify(asks));
  const pairs = asks.map(({ output, ...ask }, i) => ({ ...ask, chosen: output, rejected: some(5 * i + 2, 3) }));
  fs.writeFileSync(files.pairs, JSON.stringify(pairs));
  // Alpaca's prompt is longer than a tiny context.
  for (const [name, width] of [
    ['base', '16'],
    ['teacher', '32'],
  ] as const) {
    const sizes = ['--context', '256', '--tokenizer', 'byte', '--layers', '2', '--width', width];
    const words = [...tiny(sizes), '--data', long, '--steps', '10', '--eval-every', '0', '--sample-every', '0'];
    const { code, stderr } = await run(['pretrain', ...words, '--out', place.at(name), '--quiet']);
    if (code !== 0) throw new Error(stderr);
  }
});
afterAll(() => place.remove());

const finetune = (task: string, data: string, out: string, ...more: string[]) =>
  run([
    'finetune',
    '--task',
    task,
    '--model',
    place.at('base'),
    '--data',
    data,
    '--out',
    place.at(out),
    ...quiet,
    ...more,
  ]);
const events = ({ lines }: Said, name: string) => lines.filter((line) => line.event === name);
const event = (said: Said, name: string) => events(said, name).at(-1)!;
const saved = (out: string, step: number) => place.at(`${out}/step-${String(step).padStart(6, '0')}`);

/** The same run, stopped by Ctrl-C in its middle. */
async function cut(task: string, data: string, out: string, step: number, ...more: string[]): Promise<Said> {
  const home = fakeHome();
  const { write } = home.stdout;
  home.stdout.write = function (line, done) {
    if (line.includes(`"event":"step","step":${step},`)) home.signals.emit('SIGINT');
    return write.call(this, line, done);
  };
  const own = ['--task', task, '--model', place.at('base'), '--data', data, '--out', place.at(out)];
  return run(['finetune', ...own, ...quiet, ...more], home);
}

describe('a run that is stopped and goes on ends as if it had never stopped', () => {
  const cases: [string, string, string, string[]][] = [
    ['classify', 'classify', files.rows, ['--dropout', '0.1', '--class-weights', 'balanced']],
    [
      'classify through an adapter',
      'classify',
      files.rows,
      ['--lora-r', '2', '--sampling', 'balanced', '--accumulate', '2'],
    ],
    ['instruct, packed', 'instruct', files.asks, ['--packing', '--sample-every', '5', '--ema', '0.9']],
    ['prefer through an adapter with dropout', 'prefer', files.pairs, ['--lora-r', '4', '--lora-dropout', '0.2']],
    ['prefer', 'prefer', files.pairs, ['--learning-rate', '0.001']],
    [
      'language through an adapter',
      'language',
      place.data,
      ['--lora-r', '2', '--lora-targets', 'all-linear', '--context', '32'],
    ],
    ['distill', 'distill', place.data, ['--teacher', place.at('teacher'), '--context', '32']],
  ];
  for (const [i, [name, task, data, more]] of cases.entries()) {
    test(name, async () => {
      const all = ['--steps', '9', '--batch', '2', '--save-every', '4', '--eval-every', '3', ...more];
      const whole = await finetune(task, data, `whole-${i}`, ...all);
      expect(whole.code, whole.stderr).toBe(0);
      const first = await cut(task, data, `cut-${i}`, 5, ...all);
      expect([first.code, event(first, 'save').step as number], first.stderr).toEqual([130, expect.any(Number)]);
      expect(event(first, 'save').step).toBeLessThan(9);
      // Its task, and all else, the run knows by itself.
      const second = await run(['finetune', '--resume', place.at(`cut-${i}`), ...quiet]);
      expect(second.code, second.stderr).toBe(0);
      const plain = ({ test, ...line }: Line) => ({
        ...line,
        ...(test !== undefined && { test: { ...(test as object), answers: '' } }),
      });
      expect(plain(event(second, 'end'))).toEqual(plain(event(whole, 'end')));
      const evaluated = (said: Said) => events(said, 'eval').filter(({ step }) => (step as number) > 5);
      expect(evaluated(second)).toEqual(evaluated(whole));
      // A finished run says its end again.
      const again = await run(['finetune', '--resume', place.at(`cut-${i}`), ...quiet]);
      expect([again.code, again.lines]).toEqual([0, [event(second, 'end')]]);
    });
  }
});
