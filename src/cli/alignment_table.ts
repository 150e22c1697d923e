// How a translation looked at its source, for a terminal: a line for each token of the target, with a shade for each token of the source
// and the tokens that it looked at most. Pure.
import { printable } from '../data/printable.ts';

export interface AlignmentTable {
  /** Tokens, their ends among them. */
  source: readonly string[];
  target: readonly string[];
  /** (T,S) */
  weights: ArrayLike<number>;
}

const SHADES = [' ', '░', '▒', '▓', '█'];
const PLAIN_SHADES = [' ', '.', ':', '*', '#'];
/** Columns of a token. */
const MOST = 16;
/** Tokens that are named. */
const NAMED = 3;

/** @returns lines, none longer than `width` where that is not tiny */
export function alignmentLines(
  { source, target, weights }: AlignmentTable,
  { width, unicode }: { width: number; unicode: boolean },
): string[] {
  const sources = source.map(shown);
  const targets = target.map(shown);
  const column = Math.max(...targets.map(lengthOf));
  // A long source is cut on the right, so that what is named has room.
  const strip = Math.min(source.length, Math.max(8, width - column - 2 - NAMED * 16));
  return targets.map((token, t) => {
    const row = Array.from(source, (_, s) => weights[t * source.length + s]!);
    const cells = row.slice(0, strip).map((weight) => shade(weight, unicode ? SHADES : PLAIN_SHADES));
    const named = row
      .map((weight, s) => ({ weight, token: sources[s]! }))
      .sort((a, b) => b.weight - a.weight)
      .slice(0, NAMED)
      .filter(({ weight }) => weight >= 0.05);
    let line = `${padded(token, column)} ${unicode ? '▏' : '|'}${cells.join('')}${unicode ? '▕' : '|'}`;
    for (const each of named) {
      const next = `${line} ${each.token} ${Math.round(100 * each.weight)} %`;
      if (lengthOf(next) <= width) line = next;
    }
    return line;
  });
}

function shade(weight: number, shades: readonly string[]): string {
  return shades[Math.min(shades.length - 1, Math.round(weight * shades.length))]!;
}

/** On one line, in few columns; a space alone would not be seen. */
function shown(token: string): string {
  const characters = [...printable(token.trim() === '' ? token.replace(/[^\S\n\t]/g, '␠') : token.trim(), true)];
  return characters.length > MOST ? `${characters.slice(0, MOST - 1).join('')}…` : characters.join('');
}

const lengthOf = (text: string) => [...text].length;

function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - lengthOf(text)));
}
