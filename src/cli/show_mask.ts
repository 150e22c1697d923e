// Rows as the model sees them, token by token: which of them are trained on stands out, and control tokens are told from the same
// characters in a text.

import { counted, grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { ShownRow, TaskRows } from '../tasks/rows.ts';
import { type ShownPiece, shownPieces } from '../tasks/shown_pieces.ts';
import type { Output } from './output.ts';
import type { Style } from './terminal.ts';

const INDENT = '  ';

/**
 * Prints the first rows; with --json the ids of each, and whether they are trained on. With colour, tokens that are trained on are
 * coloured and underlined, and the others dim; without, brackets stand around them. A bar stands between two tokens.
 * @param tokenizer without one ids are shown   @param sourceTokenizer of the sources in the rows, where it is another
 */
export function showMask(
  out: Output,
  rows: TaskRows,
  tokenizer: Tokenizer | null,
  count: number,
  sourceTokenizer = tokenizer,
): void {
  const shown = Array.from({ length: Math.min(count, rows.length) }, (_, i) => rows.shown(i));
  const total = (figure: (row: ShownRow) => number) => grouped(shown.reduce((sum, row) => sum + figure(row), 0));
  const trainedIn = ({ trained }: ShownRow) => trained.filter(Boolean).length;
  const marks = marksOf(out);
  out.print(
    `${grouped(shown.length)} of ${counted(rows.length, 'row')}; ${total(trainedIn)} of ${total(({ ids }) => ids.length)} tokens are trained on`,
  );
  out.print(marks.legend);
  for (const [i, row] of shown.entries()) {
    out.emit({ event: 'mask', row: i + 1, ...row });
    const note = row.note === undefined ? '' : `, ${printable(row.note, true)}`;
    out.print();
    out.print(out.style.bold(`row ${i + 1}: ${trainedIn(row)} of ${row.ids.length} tokens${note}`));
    for (const line of maskLines(piecesIn(row, sourceTokenizer, tokenizer), marks, out.width)) out.print(INDENT + line);
  }
}

interface Marks {
  readonly legend: string;
  /** Between two tokens. */
  readonly bar: string;
  readonly lineEnd: string;
  readonly control: readonly [string, string];
  /** Around what is trained on; nothing with colour. */
  readonly run: readonly [string, string];
  readonly style: Style;
}

function marksOf({ style, unicode }: Output): Marks {
  const colour = style.dim('x') !== 'x';
  const run = colour ? (['', ''] as const) : (['[', ']'] as const);
  const marks = unicode
    ? ({ bar: '│', lineEnd: '⏎', control: ['⟪', '⟫'], run, style } as const)
    : ({ bar: '|', lineEnd: '\\n', control: ['{{', '}}'], run, style } as const);
  const { bar, lineEnd, control } = marks;
  const trained = `${run[0]}${style.underline(style.train('trained on'))}${run[1]}`;
  const rest = `  one token${bar}the next  ${control[0]}control token${control[1]}  ${lineEnd} line break`;
  return { ...marks, legend: `${trained}${style.dim(rest)}` };
}

/** The tokens of a row as texts, those of its source and the others. */
function piecesIn(row: ShownRow, sourceTokenizer: Tokenizer | null, tokenizer: Tokenizer | null): ShownPiece[] {
  const { ids, trained, source = 0 } = row;
  if (source === 0) return shownPieces(row, tokenizer);
  const before = { ids: ids.slice(0, source), trained: trained.slice(0, source) };
  const after = { ids: ids.slice(source), trained: trained.slice(source) };
  return [...shownPieces(before, sourceTokenizer), ...shownPieces(after, tokenizer)];
}

/** Pieces in lines of a width, none of which is cut but those that are wider; after a line break of the text a new line begins. */
function maskLines(pieces: readonly ShownPiece[], marks: Marks, width: number): string[] {
  const { bar, lineEnd, control, run, style } = marks;
  const room = width - INDENT.length - 3; // brackets, and the bar behind the last piece
  const lines: string[] = [];
  let line = '';
  let used = 0;
  let open = false;
  const turn = (trained: boolean) => {
    if (trained !== open) line += run[trained ? 0 : 1];
    open = trained;
  };
  const end = () => {
    turn(false);
    if (line !== '') lines.push(line);
    line = '';
    used = 0;
  };
  pieces.forEach((piece, i) => {
    const inside = piece.text
      .split('\n')
      .map((part) => printable(part, true))
      .join(lineEnd);
    const text = piece.control ? control[0] + inside + control[1] : inside;
    const ends = !piece.control && piece.text.endsWith('\n');
    if (used + columnsOf(text) > room) end();
    for (const part of chunks(text, room)) {
      if (used + columnsOf(part) > room) end();
      turn(piece.trained);
      line += piece.trained ? style.underline(style.train(part)) : style.dim(part);
      used += columnsOf(part);
    }
    if (ends) end();
    else if (i + 1 < pieces.length) {
      if (pieces[i + 1]!.trained !== piece.trained && run[0] !== '') return;
      line += style.dim(bar);
      used++;
    }
  });
  end();
  return lines;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;

/** Columns that a terminal takes for a text: two for East Asian characters and emoji, none for what is put onto the one before. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += /[\p{M}\u200d]/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

/** A text in parts of so many characters. */
function chunks(text: string, length: number): string[] {
  if (text.length <= length) return [text];
  const characters = [...text];
  const size = Math.max(1, Math.floor(length / 2));
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) =>
    characters.slice(i * size, (i + 1) * size).join(''),
  );
}
