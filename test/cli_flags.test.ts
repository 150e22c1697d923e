// Flags: what is read, and the sentence for each way to get them wrong.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { editDistance } from '../src/checkpoint/edit_distance.ts';
import { allFlags, defineCommand } from '../src/cli/command.ts';
import type { FlagValues } from '../src/cli/flags.ts';
import { nearest } from '../src/cli/nearest.ts';
import { parseFlags } from '../src/cli/parse_flags.ts';
import { InputError, RunError } from '../src/errors.ts';
import { fakeHome, type flags, pretrain, shaderformer } from './cli_home.ts';

const command = { name: 'pretrain', flags: allFlags(pretrain(async () => 0)) };
const values = (...words: string[]) => parseFlags(command, words).values;
const refusal = (...words: string[]): string => {
  try {
    parseFlags(command, words);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  throw new Error(`accepted: ${words.join(' ')}`);
};

describe('flags that are right', () => {
  it('fill a record under camelCase names, with defaults for the others', () => {
    const { values, given, positionals } = parseFlags(command, ['--learning-rate', '3e-4', '--steps=100', 'word']);
    expect(values).toMatchObject({ learningRate: 0.0003, steps: 100, schedule: 'cosine', bias: true, seed: 1337 });
    expect(values.out).toBeUndefined();
    expect(values.references).toEqual([]);
    expect([...given].sort()).toEqual(['learningRate', 'steps']);
    expect(positionals).toEqual(['word']);
  });

  it('have types that follow the table', () => {
    type Values = FlagValues<typeof flags>;
    expectTypeOf<Values['learningRate']>().toEqualTypeOf<number>();
    expectTypeOf<Values['batch']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Values['schedule']>().toEqualTypeOf<'cosine' | 'linear' | 'constant'>();
    expectTypeOf<Values['references']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Values['bias']>().toEqualTypeOf<boolean>();
  });

  it('take a switch off with --no-', () => {
    expect(values('--no-bias').bias).toBe(false);
    expect(values('--bias', '--json')).toMatchObject({ bias: true, json: true });
  });

  it('collect a repeatable flag in order', () => {
    expect(values('--references', 'a', '--references', 'b').references).toEqual(['a', 'b']);
  });

  it('take texts that begin with a dash, and empty ones where a text may be empty', () => {
    expect(values('--prompt', '- one').prompt).toBe('- one');
    expect(values('--prompt=--two').prompt).toBe('--two');
    expect(values('--prompt', '').prompt).toBe('');
  });

  it('leave the words after -- alone', () => {
    expect(parseFlags(command, ['--', '--steps']).positionals).toEqual(['--steps']);
  });
});

describe('flags that are wrong name the flag, what was found, what is expected, and an example', () => {
  it.each([
    [
      ['--stpes', '100'],
      'pretrain: found --stpes, expected one of its flags: did you mean --steps? For example: --steps 2000',
    ],
    [
      ['-steps', '5'],
      'pretrain: found -steps, expected one of its flags: did you mean --steps? For example: --steps 2000',
    ],
    [
      ['--lr', '1'],
      'pretrain: found --lr, expected one of its flags: did you mean --learning-rate? For example: --learning-rate 0.01',
    ],
    [
      ['--zzzzzz'],
      'pretrain: found --zzzzzz, expected one of its flags, which are listed by: shaderformer pretrain --help',
    ],
    [
      ['--no-steps'],
      'pretrain: found --no-steps, expected one of its flags, which are listed by: shaderformer pretrain --help',
    ],
    [
      ['--learning-rate'],
      '--learning-rate: needs a value, found none, expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--learning-rate', '--steps', '5'],
      '--learning-rate: needs a value, found none (the next word is --steps), expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--prompt', '--two'],
      '--prompt: needs a value, found none (the next word is --two), expected a text. For example: --prompt "Call me" (a text that begins with dashes: --prompt=--two)',
    ],
    [
      ['--learning-rate', 'abc'],
      '--learning-rate: found abc, expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--learning-rate', '-1'],
      '--learning-rate: found -1, expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--learning-rate', '1e400'],
      '--learning-rate: found 1e400 (too large), expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--dropout', '1e-400'],
      '--dropout: found 1e-400 (closer to 0 than numbers go), expected a number, 0 or more and below 1. For example: --dropout 0.1',
    ],
    [
      ['--learning-rate', '0x10'],
      '--learning-rate: found 0x10, expected a number above 0. For example: --learning-rate 0.01',
    ],
    [
      ['--learning-rate='],
      '--learning-rate: found an empty value, expected a number above 0. For example: --learning-rate 0.01',
    ],
    [['--dropout', '1'], '--dropout: found 1, expected a number, 0 or more and below 1. For example: --dropout 0.1'],
    [['--steps', '0.5'], '--steps: found 0.5, expected a whole number of steps, 1 or more. For example: --steps 2000'],
    [['--batch', '0'], '--batch: found 0, expected a whole number of rows, 1 or more. For example: --batch 8'],
    [
      ['--seed', '1e99'],
      '--seed: found 1e99 (too large), expected a whole number from 0 to 4294967295. For example: --seed 1337',
    ],
    [
      ['--steps', '1', '--steps', '2'],
      '--steps: given twice, found 1 and 2, expected it once. For example: --steps 2000',
    ],
    [['--json', '--no-json'], '--json: given twice, found --json and --no-json, expected it once. For example: --json'],
    [
      ['--json=1'],
      '--json: found 1, expected no value (--json alone switches it on, --no-json off). For example: --json',
    ],
    [
      ['--schedule', 'cosin'],
      '--schedule: found cosin, expected one of cosine, linear, constant: did you mean cosine? For example: --schedule cosine',
    ],
    [
      ['--schedule', 'x'],
      '--schedule: found x, expected one of cosine, linear, constant. For example: --schedule cosine',
    ],
    [['--out', ''], '--out: found an empty value, expected DIR. For example: --out runs/moby-1'],
  ])('%j', (words, sentence) => {
    expect(refusal(...words)).toBe(sentence);
  });

  it('never repeats control codes or a long value as they are', () => {
    const sentence = refusal('--steps', `\x1b[31m${'9x'.repeat(500)}`);
    expect(sentence).toContain('␛[31m');
    expect(sentence.length).toBeLessThan(200);
  });

  it('takes names of object members for what they are: unknown flags', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) expect(refusal(`--${name}`, '1')).toContain(name);
  });
});

describe('the nearest name', () => {
  it('counts a swap of neighbours as one edit', () => {
    expect(editDistance('stpes', 'steps')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
  it('is none when nothing is close', () => {
    expect(nearest('banana', ['steps', 'seed'])).toBeUndefined();
  });
});

describe('the command line', () => {
  const train = pretrain(async () => 0);
  const golden = defineCommand({
    name: 'golden',
    summary: 'compares kernels with recorded values',
    flags: [],
    examples: ['golden test/golden'],
    positionals: [{ name: 'DIR', help: 'golden folder', required: true }],
    run: async () => 0,
  });
  const commands = [train, golden];

  it('shows each command with its flags and an example on --help, and runs nothing', async () => {
    for (const command of commands) {
      for (const words of [
        [command.name, '--help'],
        [command.name, '-h'],
        ['help', command.name],
        [command.name, '--steps', '--help'],
      ]) {
        const { code, stdout, stderr } = await shaderformer(words, commands);
        expect([code, stderr]).toEqual([0, '']);
        expect(stdout).toContain(`shaderformer ${command.examples[0]}`);
        for (const flag of allFlags(command)) expect(stdout).toMatch(new RegExp(`--(no-)?${flag.name}\\b`));
      }
    }
  });

  it('keeps help within 20 columns, except for what cannot be broken', async () => {
    const home = fakeHome();
    home.stdout.columns = 20;
    const { stdout } = await shaderformer(['pretrain', '--help'], commands, home);
    const long = stdout.split('\n').filter((line) => line.length > 20);
    expect(long).toEqual(['as with every command:', '  shaderformer pretrain --steps 500']);
  });

  it('lists the commands on --help, and refuses an empty line with the same list', async () => {
    const asked = await shaderformer(['--help'], commands);
    expect(asked.code).toBe(0);
    for (const { name, summary } of commands) expect(asked.stdout).toMatch(new RegExp(`${name} +${summary}`));
    const empty = await shaderformer([], commands);
    expect([empty.code, empty.stdout]).toEqual([2, '']);
    expect(empty.stderr).toContain('golden');
  });

  it('prints its version', async () => {
    expect((await shaderformer(['--version'], commands)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [
      ['pretran'],
      'shaderformer: found pretran, expected a command: did you mean pretrain? For example: shaderformer pretrain --steps 500',
    ],
    [['dance'], 'shaderformer: found dance, expected a command (pretrain, golden). For example: shaderformer --help'],
    [
      ['--json'],
      'shaderformer: found --json first, expected a command before its flags. For example: shaderformer pretrain --json',
    ],
    [['golden'], 'golden: found no DIR, expected one (golden folder). For example: shaderformer golden test/golden'],
    [
      ['golden', 'a', 'b c'],
      'golden: found the word "b c", expected at most DIR. For example: shaderformer golden test/golden.',
    ],
    [
      ['pretrain', '5'],
      'pretrain: found the word 5, expected only flags, which begin with --. For example: shaderformer pretrain --steps 500.',
    ],
  ])('refuses %j with exit code 2 and one sentence', async (words, sentence) => {
    const { code, stdout, stderr } = await shaderformer(words, commands);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: `error: ${sentence}\n` });
  });

  it('says where flags belong when npm kept them for itself', async () => {
    const home = fakeHome({ npm_command: 'run-script', npm_config_steps: '5' });
    const { code, stderr } = await shaderformer(['pretrain'], commands, home);
    expect(code).toBe(2);
    expect(stderr).toContain('npm run pretrain -- --steps');
  });

  it.each([
    [new InputError('data.txt: found 0 bytes'), 2, 'error: data.txt: found 0 bytes\n'],
    [new RunError('step 3: loss is not a number'), 1, 'error: step 3: loss is not a number\n'],
    [
      new TypeError('x is not a function\nsecond line'),
      1,
      'error: unexpected: TypeError: x is not a function. This is a defect of shaderformer; --debug shows the stack\n',
    ],
    ['thrown text', 1, 'error: unexpected: thrown text. This is a defect of shaderformer; --debug shows the stack\n'],
  ])('turns %s into exit code %i', async (error, code, stderr) => {
    const failing = pretrain(async () => {
      throw error;
    });
    expect(await shaderformer(['pretrain'], [failing])).toEqual({ code, stdout: '', stderr });
  });

  it('shows the stack with --debug only', async () => {
    const failing = pretrain(async () => {
      throw new RunError('no');
    });
    expect((await shaderformer(['pretrain'], [failing])).stderr).not.toContain('cli_flags.test');
    expect((await shaderformer(['pretrain', '--debug'], [failing])).stderr).toContain('cli_flags.test');
  });
});
