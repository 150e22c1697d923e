// Help texts, made from the commands' own tables: nothing is listed that does not work.
import { allFlags, type Command } from './command.ts';
import type { FlagSpec } from './flags.ts';

/** `shaderformer --help`. @param width columns of the terminal */
export function generalHelp(commands: ReadonlyMap<string, Command>, width: number): string {
  const first = [...commands.values()][0];
  return [
    ...wrap('shaderformer trains, runs and shows transformers; every kernel is a WGSL file', width, ''),
    '',
    'usage: shaderformer COMMAND [flags]',
    '',
    ...table(
      [...commands.values()].map(({ name, summary }) => [name, summary]),
      width,
    ),
    '',
    ...wrap(
      'shaderformer COMMAND --help shows the flags of a command and an example; --version the version',
      width,
      '',
    ),
    ...(first?.examples[0] ? ['', 'for example:', `  shaderformer ${first.examples[0]}`] : []),
    '',
  ].join('\n');
}

/** `shaderformer COMMAND --help`. */
export function commandHelp(command: Command, width: number): string {
  const positionals = command.positionals ?? [];
  const usage = positionals.map(({ name, required, variadic }) => {
    const word = variadic ? `${name}...` : name;
    return required ? word : `[${word}]`;
  });
  const own = new Set(command.flags.map(({ name }) => name));
  const groups = new Map<string, FlagSpec[]>();
  for (const flag of allFlags(command)) {
    const heading = own.has(flag.name) ? (flag.group ?? 'flags') : 'as with every command';
    groups.set(heading, [...(groups.get(heading) ?? []), flag]);
  }
  const rows = [...groups].map(([heading, flags]) => ({
    heading,
    rows: flags.map((flag) => [label(flag), description(flag)] as const),
  }));
  const words = positionals.map(({ name, help }) => [name, help] as const);
  const column = columnFor([...words, ...rows.flatMap((group) => group.rows)]);
  return [
    ...wrap(`shaderformer ${command.name}: ${command.summary}`, width, ''),
    '',
    ...wrap(`usage: shaderformer ${[command.name, ...usage, '[flags]'].join(' ')}`, width, ''),
    ...table(words, width, column),
    ...rows.flatMap((group) => ['', `${group.heading}:`, ...table(group.rows, width, column)]),
    '',
    command.examples.length === 1 ? 'for example:' : 'examples:',
    ...command.examples.map((line) => `  shaderformer ${line}`),
    '',
  ].join('\n');
}

function label(flag: FlagSpec): string {
  if (flag.type === 'boolean') return flag.default === true ? `--no-${flag.name}` : `--${flag.name}`;
  const value =
    flag.placeholder ??
    (flag.type === 'choice'
      ? (flag.choices ?? []).join('|')
      : flag.type === 'integer'
        ? 'N'
        : flag.type === 'number'
          ? 'X'
          : 'TEXT');
  return `--${flag.name} ${value}${flag.multiple ? ' (repeatable)' : ''}`;
}

function description(flag: FlagSpec): string {
  return flag.default === undefined || flag.type === 'boolean' ? flag.help : `${flag.help} (default ${flag.default})`;
}

type Row = readonly [string, string];

/** Where the right column begins: behind the longest left cell that is not overlong. */
function columnFor(rows: readonly Row[]): number {
  return Math.max(0, ...rows.map(([left]) => left.length).filter((length) => length <= 22)) + 4;
}

/** Two columns; a long left cell, or a narrow terminal, puts the right cell on lines of its own. */
function table(rows: readonly Row[], width: number, column = columnFor(rows)): string[] {
  const stacked = width < 50;
  const indent = ' '.repeat(stacked ? 4 : column);
  return rows.flatMap(([left, right]) => {
    const text = wrap(right, width, indent);
    if (stacked || left.length + 4 > column) return [...wrap(left, width, '  '), ...text];
    return [`  ${left.padEnd(column - 2)}${(text[0] ?? '').trimStart()}`, ...text.slice(1)];
  });
}

/** Breaks at spaces, and inside words that are longer than a line, there after a bar if one stands in it. */
export function wrap(text: string, width: number, indent: string): string[] {
  const room = Math.max(10, Math.min(width, 110) - indent.length);
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    while (word.length > room) {
      if (line) lines.push(line);
      line = '';
      // A long list of choices breaks between two of them.
      const end = word.lastIndexOf('|', room - 1) + 1 || room;
      lines.push(word.slice(0, end));
      word = word.slice(end);
    }
    if (line && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].map((each) => indent + each);
}
