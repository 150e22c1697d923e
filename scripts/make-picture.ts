// Makes the picture of a run in README: runs pretrain as on a terminal and draws what it printed as SVG.
// `tsx scripts/make-picture.ts [flags of pretrain]`

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';
import { root } from './shader-files.ts';

const COLUMNS = 92;
const CELL = { width: 7.8, height: 17 };
/** The two colours of curves, and what dim and bold look like. */
const CLASSES: Readonly<Record<string, string>> = {
  '2': 'dim',
  '1': 'bold',
  '38;5;32': 'train',
  '38;5;202': 'validation',
};

/** Text with colour codes as rows of [class, text]. */
function rowsOf(output: string): [string, string][][] {
  return output.split('\n').map((line) => {
    const row: [string, string][] = [];
    let style = '';
    for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
      const code = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
      if (code !== undefined) style = CLASSES[code] ?? '';
      else if (part) row.push([style, part]);
    }
    return row;
  });
}

/** The start of the run, two samples, and the end with the curve: what fits a screen. */
function excerpt(rows: [string, string][][]): [string, string][][] {
  const text = (row: [string, string][]) => row.map(([, t]) => t).join('');
  const samples = rows.flatMap((row, i) => (/ sample at step /.test(text(row)) ? [i] : []));
  const after = (i: number) => rows.findIndex((row, j) => j > i && /^[─-]+$/.test(text(row))) + 1;
  const [first, last] = [samples[0] ?? 0, samples.at(-1) ?? 0];
  const gap: [string, string][][] = [[['dim', '   ...']]];
  return [...rows.slice(0, after(first)), ...gap, ...rows.slice(last, rows.length)];
}

function svg(rows: [string, string][][]): string {
  const escaped = (t: string) => t.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const lines = rows.map((row, i) => {
    const spans = row.map(([style, t]) => `<tspan${style ? ` class="${style}"` : ''}>${escaped(t)}</tspan>`).join('');
    return `<text x="16" y="${28 + i * CELL.height}" xml:space="preserve">${spans}</text>`;
  });
  const [width, height] = [Math.ceil(COLUMNS * CELL.width + 32), 28 + rows.length * CELL.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dce2}.dim{fill:#8b93a0}.bold{font-weight:600}.train{fill:#56b4e9}.validation{fill:#e69f00}</style>
<rect width="100%" height="100%" rx="4" fill="#14181d"/>
${lines.join('\n')}
</svg>
`;
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
const code = await main(['pretrain', ...process.argv.slice(2)], commands, {
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
  writeFileSync(path.join(folder, 'pretrain.svg'), svg(excerpt(rowsOf(output.trimEnd()))));
} else {
  process.stderr.write(output);
}
process.exitCode = code;
