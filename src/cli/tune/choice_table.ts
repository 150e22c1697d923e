// What was measured of an op, for a terminal: a row a shape, a column a form, and below them the sums that were compared. Pure.

import { formNames } from '../../schedule/order.ts';
import type { Choice } from '../../tune/choose.ts';
import type { Style } from '../terminal.ts';

/** Lines of at most 80 columns, an empty one last. */
export function choiceTable({ op, why, form, cases, candidates }: Choice, style: Style): string[] {
  const names = candidates.map(({ name }) => name);
  const chosen = form === null ? [] : formNames(form);
  const rows = cases.map(({ name, forms }) => [
    name,
    ...names.map((each) => msText(forms.find((f) => f.name === each)?.ms)),
  ]);
  const all = [['', ...names], ...rows, ['all', ...candidates.map(({ ms }) => msText(ms))]];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row, r) => {
    const cells = row.map((text, column) => {
      const space = ' '.repeat(widths[column]! - text.length);
      const painted =
        r === 0 ? style.dim(text) : column > 0 && chosen.includes(names[column - 1]!) ? style.bold(text) : text;
      return column === 0 ? painted + space : space + painted;
    });
    return `  ${cells.join('  ').trimEnd()}`;
  });
  return [`${style.bold(op)}: ${why}`, ...lines, ''];
}

function msText(ms: number | undefined): string {
  if (ms === undefined) return '-';
  if (ms === Number.POSITIVE_INFINITY) return 'wrong';
  return ms < 1 ? ms.toFixed(3) : ms < 10 ? ms.toFixed(2) : ms.toFixed(1);
}
