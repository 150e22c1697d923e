// Makes the picture of a run in README: runs pretrain as on a terminal and draws what it printed as SVG.
// `tsx scripts/make-picture.ts [flags of pretrain]`

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { everywhere } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';
import { kebabCase } from '../src/cli/flags.ts';
import { main } from '../src/cli/main.ts';
import { parseFlags } from '../src/cli/parse_flags.ts';
import { pretrainFlags } from '../src/cli/pretrain_flags.ts';
import { InputError } from '../src/errors.ts';
import { root } from './shader-files.ts';

const COLUMNS = 92;
/** Of a character at 13 pixels, in the widest of the fonts below. */
const CELL = { width: 8.1, height: 17 };
/** The two colours of curves, and what dim and bold look like. */
const CLASSES: Readonly<Record<string, string>> = {
  '2': 'dim',
  '1': 'bold',
  '38;5;32': 'train',
  '38;5;202': 'validation',
};

/** Text with colour codes as rows of [class, text]. */
function rowsOf(output: string): Row[] {
  return output.split('\n').map((line) => {
    const row: Row = [];
    let style = '';
    for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
      const code = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
      if (code !== undefined) style = CLASSES[code] ?? '';
      else if (part) row.push([style, part]);
    }
    return row;
  });
}

type Row = [string, string][];

const textOf = (row: Row) => row.map(([, t]) => t).join('');

/** The start of the run, three samples, and the end with the curve: what fits a screen. */
function excerpt(rows: Row[]): Row[] {
  const starts = rows.flatMap((row, i) => (/ sample at step /.test(textOf(row)) ? [i] : []));
  const after = (i: number) => rows.findIndex((row, j) => j > i && /^[─-]+$/.test(textOf(row))) + 1;
  const gap: Row = [['dim', '   ...']];
  const [first, middle, last] = [starts[0] ?? 0, starts[2] ?? 0, starts.at(-1) ?? 0];
  return [...rows.slice(0, after(first)), gap, ...rows.slice(middle, after(middle)), gap, ...rows.slice(last)];
}

/** Rows broken where the terminal would break them. */
function wrapped(rows: Row[]): Row[] {
  return rows.flatMap((row) => {
    const lines: Row[] = [[]];
    let room = COLUMNS;
    for (const [style, text] of row) {
      for (let rest = [...text]; rest.length > 0; ) {
        if (room === 0) {
          lines.push([]);
          room = COLUMNS;
        }
        const piece = rest.slice(0, room);
        rest = rest.slice(piece.length);
        room -= piece.length;
        lines.at(-1)!.push([style, piece.join('')]);
      }
    }
    return lines;
  });
}

function svg(rows: Row[]): string {
  const escaped = (t: string) => t.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const lines = rows.map((row, i) => {
    const spans = row.map(([style, t]) => `<tspan${style ? ` class="${style}"` : ''}>${escaped(t)}</tspan>`).join('');
    // Braille often comes from another font: the length keeps the columns below each other.
    const length = [...textOf(row)].length * CELL.width;
    const fitted = length > 0 ? ` textLength="${length.toFixed(1)}"` : '';
    return `<text x="16" y="${28 + i * CELL.height}"${fitted} xml:space="preserve">${spans}</text>`;
  });
  const [width, height] = [Math.ceil(COLUMNS * CELL.width + 32), 28 + rows.length * CELL.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dce2}.dim{fill:#8b93a0}.bold{font-weight:600}.train{fill:#56b4e9}.validation{fill:#e69f00}</style>
<rect width="100%" height="100%" rx="4" fill="#14181d"/>
${lines.join('\n')}
</svg>
`;
}

/** Of pretrain, but they make no run, or none that prints what is drawn. */
const NO_RUN = new Set(['help', 'json', 'quiet', 'find-lr', 'compare']);

/** Refuses what would leave a picture of something else. @throws InputError */
function refuseOther(words: readonly string[]): void {
  const { given, help } = parseFlags({ name: 'pretrain', flags: [...everywhere, ...pretrainFlags] }, words);
  const other = help ? 'help' : [...given].map(kebabCase).find((name) => NO_RUN.has(name));
  if (other === undefined) return;
  throw new InputError(
    `--${other}: found beside make-picture, expected flags of a run of pretrain. For example: tsx scripts/make-picture.ts --steps 500`,
  );
}

const words = process.argv.slice(2);
try {
  refuseOther(words);
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}

let output = '';
const terminal = {
  isTTY: true,
  columns: COLUMNS,
  write: (text: string, done?: () => void) => {
    output += text;
    done?.();
    return true;
  },
};
const quietError = {
  ...terminal,
  isTTY: false,
  write: (_: string, done?: () => void) => {
    done?.();
    return true;
  },
};
const code = await main(['pretrain', ...words], commands, {
  stdout: terminal,
  stderr: quietError,
  env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '' },
  signals: process,
  leave: (c) => process.exit(c),
  now: () => performance.now(),
});
if (code === 0) {
  const folder = path.join(root, 'demo/pictures');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'pretrain.svg'), svg(wrapped(excerpt(rowsOf(output.trimEnd())))));
} else {
  process.stderr.write(output);
}
process.exitCode = code;
