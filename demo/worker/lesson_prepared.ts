// What a lesson will be, as it is shown before its first step: rows token by token, counts, baselines, bytes.
import { parameterCount, trainedCount } from '../../src/index.ts';
import type { ShownRow } from '../../src/tasks/rows.ts';
import { shownPieces } from '../../src/tasks/shown_pieces.ts';
import type { MaskedRow, PreparedLesson } from '../protocol/lessons.ts';
import { shownSettings } from './lesson_presets.ts';
import type { LessonRun } from './lesson_run.ts';
import type { LessonSpec } from './lesson_spec.ts';

/** Rows that are shown. */
const SHOWN = 8;
/** Tokens of a text's window that are shown: all of them are trained on. */
const WINDOW = 64;

export function preparedOf({ made, spec, memory }: LessonRun): PreparedLesson {
  const { rows, counts, classes, baselines, settings } = spec.engine;
  const { model } = made.trainer;
  return {
    settings: shownSettings(settings, spec.seed),
    data: spec.data.name,
    ...{ rows, counts, classes, baselines },
    shown: shownRows(spec),
    parameters: parameterCount(model),
    trainedParameters: trainedCount(model),
    bytes: memory.total,
    notes: spec.notes,
  };
}

function shownRows(spec: LessonSpec): MaskedRow[] {
  const { opened } = spec.engine;
  const { shown } = opened;
  if (!shown) return windowOf(spec);
  const numbers = Array.from({ length: Math.min(SHOWN, shown.length) }, (_, i) => i);
  // As wide as the widest of its batch.
  const longest = numbers.reduce((most, i) => (shown.lengthOf(i) > shown.lengthOf(most) ? i : most), 0);
  const width = Object.values(shown.batch([longest])).reduce((most, { shape }) => Math.max(most, shape.at(-1) ?? 0), 0);
  return numbers.map((i) => maskedRow(shown.shown(i), spec, width));
}

function windowOf(spec: LessonSpec): MaskedRow[] {
  const ids = spec.tokenizer.encode(spec.data.text.slice(0, 16 * WINDOW)).slice(0, WINDOW);
  return [maskedRow({ ids, trained: ids.map(() => true) }, spec, ids.length)];
}

function maskedRow(row: ShownRow, { tokenizer }: LessonSpec, width: number): MaskedRow {
  const tokens = shownPieces(row, tokenizer).map(({ text, trained, control }) => ({
    ...{ text, trained },
    role: control ? ('control' as const) : trained ? ('answer' as const) : ('prompt' as const),
  }));
  const padding = Math.max(0, width - row.ids.length);
  return { tokens, padding, ...(row.note !== undefined && { note: row.note }) };
}
