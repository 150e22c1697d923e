// What is given away of the present run beside a run of the first chapter: a lesson that the command line goes on with, models, adapters.
import { InputError } from '../../src/index.ts';
import type { Command } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';
import { LessonRun } from './lesson_run.ts';
import { adapterOnly, isAdapterSave, wholeModelFiles, zipped } from './model_exports.ts';
import type { ModelFiles } from './model_files.ts';
import { PageRun } from './run.ts';
import { zippedRun } from './run_folder.ts';
import { textFileName } from './text.ts';

type What = NonNullable<Extract<Command, { type: 'export' }>['what']>;

/** @param saved files of its last save   @throws InputError for an adapter of a model that has none */
export async function exportLesson(
  run: AnyRun,
  saved: ModelFiles,
  step: number,
  what: What,
): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const lesson = run instanceof LessonRun ? run : null;
  const name = lesson ? lesson.exportName : nameOf(run);
  if (what === 'adapter') return zipped(`${name}-${step}-adapter`, adapterOnly(saved));
  const base = lesson?.spec.base ?? null;
  if (what === 'model') return zipped(`${name}-${step}-model`, await wholeModelFiles(saved, base));
  if (!lesson) throw new InputError('export: found a run of the first chapter, expected a lesson.');
  const { data } = lesson.spec;
  const beside = new Map([[data.name, new TextEncoder().encode(data.text)] as const]);
  // The base of an adapter stands in no save of it.
  if (isAdapterSave(saved)) for (const [file, bytes] of base!.files) beside.set(`base/${file}`, bytes);
  return zippedRun(name, step, saved, beside);
}

function nameOf(run: AnyRun): string {
  const own = run instanceof PageRun ? run.spec.text.own : null;
  return own ? textFileName(own.name).replace(/\.txt$/, '') : 'moby';
}
