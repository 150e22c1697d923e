// What a command is: data (name, flags, examples) and one function. `main` runs it; help and messages are made from the data.

import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { defineFlags, type FlagSpec, type FlagValues } from './flags.ts';
import type { Output } from './output.ts';
import type { StopSignal } from './stop.ts';

/** Flags that every command takes. */
export const everywhere = defineFlags([
  {
    name: 'adapter',
    type: 'text',
    placeholder: 'TEXT',
    example: 'llvmpipe',
    help: "part of a graphics adapter's name: run on that one",
  },
  {
    name: 'kernels',
    type: 'text',
    placeholder: 'auto|portable|FILE',
    default: 'auto',
    example: 'portable',
    help: 'which form of each op runs: the fastest as devices --tune measured it here, or as it was measured on this kind of adapter, else the first that can run; the first that every adapter can run; or a table in a file',
  },
  {
    name: 'limits',
    type: 'choice',
    choices: ['adapter', 'default'],
    default: 'adapter',
    help: "ask for the adapter's own limits, or stay at WebGPU's defaults",
  },
  {
    name: 'seed',
    type: 'integer',
    min: 0,
    max: 4294967295,
    default: 1337,
    help: 'everything random follows from it',
  },
  { name: 'json', type: 'boolean', help: 'one JSON object a line on standard output, progress on standard error' },
  { name: 'quiet', type: 'boolean', help: 'no progress and no notes' },
  { name: 'debug', type: 'boolean', help: 'errors come with their stack' },
]);

export type GlobalValues = FlagValues<typeof everywhere>;

export interface PositionalSpec {
  /** as help shows it: DIR, FILE */
  readonly name: string;
  readonly help: string;
  readonly required?: boolean;
  /** takes all words that are left; only the last may */
  readonly variadic?: boolean;
  /** there only beside this switch, by its camelCase name */
  readonly onlyWith?: string;
}

export interface CommandContext {
  readonly out: Output;
  /** Ctrl-C and SIGTERM: look at `signal.requested` between steps */
  readonly signal: StopSignal;
  /** camelCase names of the flags that were typed, as against defaults */
  readonly given: ReadonlySet<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Command {
  readonly name: string;
  /** one line, as in "trains a language model from nothing" */
  readonly summary: string;
  readonly flags: readonly FlagSpec[];
  /** whole command lines without the program's name: `pretrain --steps 500` */
  readonly examples: readonly string[];
  readonly positionals?: readonly PositionalSpec[];
  /** the command looks at `signal` and saves; otherwise the first Ctrl-C ends the program */
  readonly stopsAtSignal?: boolean;
  /** there is nothing to save then: what was begun goes away */
  readonly savesNothing?: true;
  /** a switch with which there is nothing to save then, by its camelCase name */
  readonly savesNothingWith?: string;
  /** @returns exit code: 0 done. Throw InputError (2) or RunError (1) rather than returning others */
  run(
    context: CommandContext,
    flags: Readonly<Record<string, unknown>>,
    positionals: readonly string[],
  ): Promise<number>;
}

/** A command whose `run` sees its flags typed. */
export function defineCommand<const T extends readonly FlagSpec[]>(
  command: Omit<Command, 'flags' | 'run'> & {
    readonly flags: T;
    run(context: CommandContext, flags: FlagValues<T> & GlobalValues, positionals: readonly string[]): Promise<number>;
  },
): Command {
  return command as unknown as Command;
}

/** A command's own flags and those of every command; its own win where the names are equal (another default). */
export function allFlags(command: Command): FlagSpec[] {
  const own = new Set(command.flags.map(({ name }) => name));
  return [...command.flags, ...everywhere.filter(({ name }) => !own.has(name))];
}

/** @throws InputError when words are missing or left over */
export function checkPositionals(
  command: Command,
  words: readonly string[],
  values: Readonly<Record<string, unknown>>,
  startedByNpm: boolean,
): void {
  const specs = (command.positionals ?? []).filter(
    ({ onlyWith }) => onlyWith === undefined || values[onlyWith] === true,
  );
  const example = `For example: shaderformer ${command.examples[0] ?? command.name}`;
  const missing = specs[words.length];
  if (missing?.required) {
    throw new InputError(`${command.name}: found no ${missing.name}, expected one (${missing.help}). ${example}`);
  }
  if (words.length > specs.length && !specs.at(-1)?.variadic) {
    const expected =
      specs.length === 0 ? 'only flags, which begin with --' : `at most ${specs.map(({ name }) => name).join(' ')}`;
    // npm keeps flags that stand before `--` for itself and hands over the bare values
    const npm = startedByNpm ? ` With npm, flags come after two dashes: npm run ${command.name} -- --help` : '';
    throw new InputError(
      `${command.name}: found the word ${quoted(words[specs.length]!)}, expected ${expected}. ${example}.${npm}`,
    );
  }
}
