// What is chosen for a lesson and not begun yet, by chapter; and what the worker says that it would be.
import { effect, signal } from '@preact/signals';
import type { Lesson, LessonSettings, PreparedLesson, ShelfId, ShelfModel, Teaching } from '../../protocol/lessons.ts';
import type { OwnText } from '../../protocol.ts';
import { store } from '../store.ts';

export type LessonSetting = keyof LessonSettings;

export interface Draft {
  /** null: whichever suits the chapter. */
  base: ShelfId | null;
  /** null: what the page brings. */
  own: OwnText | null;
  /** As they were typed. */
  typed: Partial<Record<LessonSetting, string>>;
}

const NONE: Draft = { base: null, own: null, typed: {} };

const drafts = signal<Partial<Record<Teaching, Draft>>>({});

/** What a lesson has where nothing is typed, as the worker said. */
const defaults = signal<Partial<Record<Teaching, Partial<LessonSettings>>>>({});

/** The lesson that runs, or ran last; null where the run is another. */
export function runningLesson() {
  return store.ready.value?.lesson ?? null;
}

export function draftOf(chapter: Teaching): Draft {
  const own = drafts.value[chapter];
  const running = runningLesson()?.lesson;
  if (own || running?.chapter !== chapter) return own ?? NONE;
  // Of a page that was opened again: as the run was begun.
  const typed = Object.fromEntries(Object.entries(running.settings).map(([name, value]) => [name, String(value)]));
  return { base: running.base, own: 'own' in running.data ? running.data.own : null, typed };
}

export function changeDraft(chapter: Teaching, change: Partial<Draft>): void {
  drafts.value = { ...drafts.value, [chapter]: { ...draftOf(chapter), ...change } };
}

export function defaultsOf(chapter: Teaching): Partial<LessonSettings> {
  return defaults.value[chapter] ?? {};
}

/** The model that the lesson begins from: preferring needs one that answers already. */
export function baseOf(chapter: Teaching): ShelfModel | null {
  const shelf = store.shelf.value;
  const { base } = draftOf(chapter);
  const order: ShelfId[] = chapter === 'dpo' ? ['taught', 'loaded', 'trained'] : ['loaded', 'trained', 'taught'];
  const wanted = base ? [base, ...order] : order;
  return wanted.map((id) => shelf.find((model) => model.id === id)).find((model) => model !== undefined) ?? null;
}

/** null where there is no model, or where something that was typed is no number. */
export function lessonOf(chapter: Teaching): Lesson | null {
  const model = baseOf(chapter);
  if (!model || typedProblem(chapter)) return null;
  const { own, typed } = draftOf(chapter);
  const settings = Object.fromEntries(Object.entries(typed).map(([name, text]) => [name, Number(text)]));
  return { chapter, base: model.id, data: own ? { own } : { builtin: true }, settings };
}

/** What was typed that is no number. */
export function typedProblem(chapter: Teaching): { name: LessonSetting; sentence: string } | null {
  for (const [name, text] of Object.entries(draftOf(chapter).typed)) {
    if (text.trim() !== '' && Number.isFinite(Number(text))) continue;
    const sentence = `${name}: found ${JSON.stringify(text)}, expected a number. Correct it.`;
    return { name: name as LessonSetting, sentence };
  }
  return null;
}

/** The lesson of the run is the one that is chosen here. */
export function runsHere(chapter: Teaching): boolean {
  const running = runningLesson()?.lesson;
  const lesson = lessonOf(chapter);
  return running !== undefined && lesson !== null && sameLesson(running, lesson);
}

function sameLesson(a: Lesson, b: Lesson): boolean {
  const own = ({ data }: Lesson) => ('own' in data ? data.own : null);
  const text = ({ settings }: Lesson) => JSON.stringify(Object.entries(settings).sort());
  const same = own(a)?.name === own(b)?.name && own(a)?.text === own(b)?.text;
  return a.chapter === b.chapter && a.base === b.base && same && text(a) === text(b);
}

const WAIT_MS = 300;
let asked = 0;

/** By chapter the lesson that was asked for last, and under which number. */
const askedOf = signal<Partial<Record<Teaching, { id: number; lesson: Lesson }>>>({});

/** Asks the worker what the lesson would be, and again whenever it changes. @returns what ends it */
export function keepPrepared(chapter: Teaching): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = '';
  let lastOwn: OwnText | null = null;
  const stops = [
    effect(() => {
      const lesson = lessonOf(chapter);
      const { own } = draftOf(chapter);
      const ready = store.ready.value !== null;
      if (!lesson || !ready || runsHere(chapter)) {
        clearTimeout(timer);
        last = '';
        return;
      }
      // A model that only went on learning is the same here.
      const { id: base, family, parameters, context, vocabSize } = baseOf(chapter)!;
      const key = JSON.stringify([base, family, parameters, context, vocabSize, lesson.settings]);
      if (key === last && own === lastOwn) return;
      [last, lastOwn] = [key, own];
      clearTimeout(timer);
      timer = setTimeout(() => {
        const id = ++asked;
        askedOf.value = { ...askedOf.peek(), [chapter]: { id, lesson } };
        store.send({ type: 'prepare', id, lesson });
      }, WAIT_MS);
    }),
    effect(() => {
      const settings = preparedOf(chapter)?.prepared?.settings;
      if (!settings) return;
      const { typed } = draftOf(chapter);
      const plain = Object.entries(settings).filter(([name]) => !(name in typed));
      const known = defaults.peek();
      defaults.value = { ...known, [chapter]: { ...known[chapter], ...Object.fromEntries(plain) } };
    }),
  ];
  return () => {
    clearTimeout(timer);
    // What was not asked yet is asked when the chapter is open again.
    for (const stop of stops) stop();
  };
}

/** What the worker said of the chosen lesson last; null until it has. */
export function preparedOf(chapter: Teaching): { prepared: PreparedLesson | null; error: string | null } | null {
  if (runsHere(chapter)) return { prepared: runningLesson()!.prepared, error: null };
  const said = store.prepared.value;
  const last = askedOf.value[chapter];
  const lesson = lessonOf(chapter);
  return said && last && lesson && said.id === last.id && sameLesson(lesson, last.lesson) ? said : null;
}

/** Why the lesson cannot begin; null where it can. */
export function whyNotTeach(chapter: Teaching): string | null {
  if (!store.ready.value) return 'The page is still opening.';
  if (!baseOf(chapter)) return 'There is no model yet: train one in the first chapter, or load one.';
  const typed = typedProblem(chapter);
  if (typed) return typed.sentence;
  const said = preparedOf(chapter);
  if (!said) return 'Looking at the data.';
  return said.error;
}

export function teach(chapter: Teaching): void {
  const lesson = lessonOf(chapter);
  if (!lesson || whyNotTeach(chapter) !== null) return;
  // What it began from stays named when there are other models.
  changeDraft(chapter, { base: lesson.base });
  store.send({ type: 'teach', lesson });
}
