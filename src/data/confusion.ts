// How good a classifier is on rows whose class is known: the table of confusions and what follows from it.

/** Figures of one class. Null where nothing is divided: a class that no row has, or that was never said. */
export interface ClassFigures {
  readonly name: string;
  /** Rows of this class. */
  readonly rows: number;
  /** Of the rows that were said to be of this class, the share that is. */
  readonly precision: number | null;
  /** Of the rows of this class, the share that was found. */
  readonly recall: number | null;
  /** Harmonic mean of both: 2 TP / (2 TP + FP + FN). */
  readonly f1: number | null;
}

export interface ClassReport {
  /** Share of rows that were said rightly. */
  readonly accuracy: number;
  /** Rows by their class (first) and the class they were said to be of. */
  readonly confusion: readonly (readonly number[])[];
  readonly classes: readonly ClassFigures[];
}

/** @param truth, said number of the class of each row, at least one */
export function classReport(truth: readonly number[], said: readonly number[], names: readonly string[]): ClassReport {
  const confusion = names.map(() => names.map(() => 0));
  truth.forEach((label, i) => void confusion[label]![said[i]!]!++);
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  const classes = names.map((name, c): ClassFigures => {
    const right = confusion[c]![c]!;
    const rows = confusion[c]!.reduce((sum, n) => sum + n, 0);
    const told = confusion.reduce((sum, row) => sum + row[c]!, 0);
    return { name, rows, precision: share(right, told), recall: share(right, rows), f1: share(2 * right, rows + told) };
  });
  const right = names.reduce((sum, _, c) => sum + confusion[c]![c]!, 0);
  return { accuracy: right / truth.length, confusion, classes };
}

/** The report as a text table of several lines: a row a class, with the confusions behind its figures. */
export function classReportText({ accuracy, confusion, classes }: ClassReport, shown = (name: string) => name): string {
  const percent = (value: number | null) => (value === null ? '-' : (100 * value).toFixed(2));
  const most = 12; // classes that get a column
  const columns = classes.slice(0, most).map(({ name }) => `said ${short(shown(name))}`);
  const table = [
    ['class', 'rows', 'precision %', 'recall %', 'F1 %', ...columns],
    ...classes.map(({ name, rows, precision, recall, f1 }, c) => [
      short(shown(name)),
      String(rows),
      percent(precision),
      percent(recall),
      percent(f1),
      ...confusion[c]!.slice(0, most).map(String),
    ]),
  ];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
  const more = classes.length > most ? `\n(confusions with the first ${most} of ${classes.length} classes)` : '';
  return `${lines.join('\n')}${more}\naccuracy ${percent(accuracy)} %`;
}

function short(name: string): string {
  const characters = [...name];
  return characters.length > 20 ? `${characters.slice(0, 19).join('')}…` : name;
}
