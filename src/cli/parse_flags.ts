// Turns a table of flags and the words typed into a typed record, or refuses with a sentence.
import { parseArgs } from 'node:util';
import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { badValue, exampleOf, expectation, readValue } from './flag_value.ts';
import { camelCase, type FlagSpec } from './flags.ts';
import { nearest } from './nearest.ts';

export interface ParsedFlags {
  /** camelCase keys, defaults filled in */
  values: Record<string, unknown>;
  /** camelCase keys of the flags that were typed */
  given: ReadonlySet<string>;
  positionals: string[];
  /** --help or -h was among the words; nothing else was checked */
  help: boolean;
}

/**
 * Reads the words after a command's name.
 * @param command its name, for messages, and its whole table of flags
 * @throws InputError naming the flag, what was found, what is expected, and an example
 */
export function parseFlags(
  command: { readonly name: string; readonly flags: readonly FlagSpec[] },
  args: readonly string[],
): ParsedFlags {
  const specs = new Map(command.flags.map((spec) => [spec.name, spec]));
  const options = Object.fromEntries(
    command.flags.map(({ name, type }) => [
      name,
      { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  // `--no-NAME` is read here and not by `allowNegative`: Deno's parseArgs throws its own error on `--no-` before an unknown name.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const end = args.indexOf('--');
  const help =
    args.slice(0, end < 0 ? args.length : end).includes('--help') ||
    tokens.some((token) => token.kind === 'option' && token.rawName === '-h');

  const found = new Map<string, { text: string; value: unknown }[]>();
  const positionals: string[] = [];
  for (const token of help ? [] : tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const off = token.name.startsWith('no-') && specs.get(token.name.slice(3))?.type === 'boolean';
    const name = off ? token.name.slice(3) : token.name;
    const spec = specs.get(name);
    if (spec === undefined || !token.rawName.startsWith('--')) {
      throw unknownFlag(command.name, args[token.index] ?? token.rawName, specs);
    }
    const value = spec.type === 'boolean' ? switchValue(spec, token, off) : flagValue(spec, token);
    const earlier = found.get(name);
    if (earlier && !spec.multiple) throw givenTwice(spec, earlier[0]!.text, value.text);
    found.set(name, [...(earlier ?? []), value]);
  }

  const values: Record<string, unknown> = {};
  for (const spec of command.flags) {
    const all = found.get(spec.name)?.map(({ value }) => value);
    const absent = spec.type === 'boolean' ? (spec.default ?? false) : spec.default;
    values[camelCase(spec.name)] = spec.multiple ? (all ?? []) : all ? all[0] : absent;
  }
  return { values, given: new Set([...found.keys()].map(camelCase)), positionals, help };
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function flagValue(spec: FlagSpec, token: OptionToken): { text: string; value: unknown } {
  const text = token.value;
  // A word with two dashes is the next flag, not this one's value; a single dash may begin a number or a text.
  if (text === undefined || (!token.inlineValue && text.startsWith('--'))) {
    const hint =
      spec.type === 'text' && text !== undefined && text !== '--'
        ? ` (a text that begins with dashes: --${spec.name}=${quoted(text)})`
        : '';
    const followed = text === undefined ? '' : ` (the next word is ${quoted(text)})`;
    throw new InputError(
      `--${spec.name}: needs a value, found none${followed}, expected ${expectation(spec)}. For example: ${exampleOf(spec)}${hint}`,
    );
  }
  return { text, value: readValue(spec, text) };
}

function switchValue(spec: FlagSpec, token: OptionToken, off: boolean): { text: string; value: unknown } {
  if (token.value !== undefined) {
    throw badValue(spec, token.value, `no value (--${spec.name} alone switches it on, --no-${spec.name} off)`);
  }
  return { text: token.rawName, value: !off };
}

function givenTwice(spec: FlagSpec, first: string, second: string): InputError {
  return new InputError(
    `--${spec.name}: given twice, found ${quoted(first)} and ${quoted(second)}, expected it once. For example: ${exampleOf(spec)}`,
  );
}

function unknownFlag(command: string, word: string, specs: ReadonlyMap<string, FlagSpec>): InputError {
  const bare = word.replace(/^-+/, '').replace(/=.*$/s, '');
  const near = specs.get(nearest(bare, specs.keys()) ?? '');
  const advice = near
    ? `did you mean --${near.name}? For example: ${exampleOf(near)}`
    : `which are listed by: shaderformer ${command} --help`;
  return new InputError(`${command}: found ${quoted(word)}, expected one of its flags${near ? ': ' : ', '}${advice}`);
}
