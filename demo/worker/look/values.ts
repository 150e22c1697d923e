// Weights, gradients and activations as heat maps, and single numbers of them with where they come from.
import { pooledMap, valueStatistics } from '../../../src/index.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import type { ValueWindow } from '../../protocol/values.ts';
import type { Look } from './look.ts';
import { lineSums } from './values_lines.ts';
import { productOf } from './values_product.ts';
import { allTensors, type Matrix, matrixOf, requirePlace } from './values_sources.ts';

export async function listTensors(look: Look): Promise<Answered<'tensors'>> {
  return { tensors: allTensors(look) };
}

/** @throws InputError for a tensor that is not there, or too large to be looked at */
export async function lookAtValues(look: Look, asked: Asked<'values'>): Promise<Answered<'values'>> {
  const matrix = matrixOf(look, asked);
  const values = await matrix.read();
  const { listed, rows, columns, tokens, about } = matrix;
  const window = within(asked.window, matrix);
  const room = [Math.max(1, asked.room[0]), Math.max(1, asked.room[1])] as const;
  return {
    ...listed,
    ...{ rows, columns, window, tokens, about },
    ...pooledMap(values, columns, window, room),
    ...valueStatistics(values),
  };
}

/** @throws InputError as above, and for a place outside of it */
export async function openCell(look: Look, asked: Asked<'cell'>): Promise<Answered<'cell'>> {
  const matrix = matrixOf(look, asked);
  const { row, column } = asked;
  requirePlace(matrix, row, column);
  const { values, product, why } = await productOf(look, matrix, row * matrix.columns + column);
  const { name, group } = matrix.listed;
  const value = values[row * matrix.columns + column]!;
  return { name, group, row, column, value, ...lineSums(values, matrix, row, column), product, why };
}

/** The part of a window that lies in the matrix. */
function within(window: ValueWindow | null, { rows, columns }: Matrix): ValueWindow {
  if (!window) return { row: 0, column: 0, rows, columns };
  const [height, width] = [Math.min(window.rows, rows), Math.min(window.columns, columns)];
  const from = (at: number, size: number, all: number) => Math.max(0, Math.min(at, all - size));
  return {
    ...{ row: from(window.row, height, rows), column: from(window.column, width, columns) },
    ...{ rows: height, columns: width },
  };
}
