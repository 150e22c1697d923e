// A lesson as files: what stands beside its saves so that it can go on, and what is given away of it: the run, the model, the adapter.

import type { Scalar } from '../../src/index.ts';
import { InputError } from '../../src/index.ts';
import type { Lesson, ShelfId, Teaching } from '../protocol/lessons.ts';
import { type BaseModel, openBase } from './base_model.ts';
import type { LessonData, LessonSpec } from './lesson_spec.ts';
import type { ModelFiles } from './model_files.ts';
import { hashOfText } from './text_hash.ts';

const LESSON = 'lesson.json';
const DATA = 'data.txt';
const BASE = 'base-';

/** What training.json remembers beside the engine's settings. */
export function savedSettingsOf({ engine, base }: LessonSpec): Record<string, Scalar> {
  return { model: base.name, modelHash: base.hash, ...engine.opened.remembered, kernels: 'auto' };
}

/** By names of files. */
export function besideOf({ asked, base, data }: LessonSpec): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const own = data.own ? { own: data.name } : { builtin: true };
  const lesson = { chapter: asked.chapter, base: asked.base, baseName: base.name, data: own, settings: asked.settings };
  const bytes = (text: string) => new TextEncoder().encode(text);
  return new Map([
    [LESSON, bytes(JSON.stringify(lesson))],
    ...(data.own ? [[DATA, bytes(data.text)] as const] : []),
    ...[...base.files].map(([name, content]) => [BASE + name, content] as const),
  ]);
}

export interface Beside {
  asked: Lesson;
  base: BaseModel;
  /** null for the page's own. */
  data: LessonData | null;
}

/** Whether a saved run is a lesson, by what stands beside it. */
export const isLesson = (beside: ReadonlyMap<string, unknown>): boolean => beside.has(LESSON);

/** @throws InputError for files that are damaged */
export async function fromBeside(beside: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<Beside> {
  const text = (name: string) => new TextDecoder().decode(beside.get(name));
  const { chapter, base, baseName, data, settings } = parsed(text(LESSON));
  const files: ModelFiles = new Map(
    [...beside].flatMap(([name, content]) => (name.startsWith(BASE) ? [[name.slice(BASE.length), content]] : [])),
  );
  const own = 'own' in data ? { name: data.own, text: text(DATA) } : null;
  return {
    asked: { chapter, base, settings, data: own ? { own } : { builtin: true } },
    base: await openBase(baseName, files),
    data: own && { ...own, hash: hashOfText(own.text), own: true },
  };
}

interface SavedLesson {
  chapter: Teaching;
  base: ShelfId;
  baseName: string;
  data: { builtin: true } | { own: string };
  settings: Lesson['settings'];
}

function parsed(text: string): SavedLesson {
  try {
    return JSON.parse(text) as SavedLesson;
  } catch {
    throw new InputError(`${LESSON}: found no lesson, expected what the page wrote. Begin the lesson again.`);
  }
}
