// From what is asked of a lesson to all that it is made of: the model that it begins from, the data, and what the engine makes of both.

import { type Lesson as EngineLesson, type LessonTask, openLesson } from '../../src/finetune/lesson.ts';
import type { FinetuneSettings } from '../../src/finetune/settings.ts';
import { type ChatTemplate, InputError, type Tokenizer } from '../../src/index.ts';
import type { Lesson, Teaching } from '../protocol/lessons.ts';
import type { OwnText } from '../protocol.ts';
import type { BaseModel } from './base_model.ts';
import { lessonSettings } from './lesson_presets.ts';
import { pageWords } from './page_words.ts';
import { PLAIN_FORM, withForm } from './plain_form.ts';
import { hashOfText } from './text_hash.ts';

export interface LessonData {
  /** `classify.tsv`: its ending tells what it is. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of its bytes, hex. */
  readonly hash: string;
  /** The visitor's, which a saved run has to keep. */
  readonly own: boolean;
}

/** A lesson before anything of it is made. */
export interface LessonSpec {
  /** As it was asked for. */
  readonly asked: Lesson;
  readonly task: LessonTask;
  readonly base: BaseModel;
  /** The base's, with the form that a conversation is put in, where there is one. */
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate | null;
  readonly data: LessonData;
  readonly engine: EngineLesson;
  readonly seed: number;
  /** What was noticed in the data, a sentence each. */
  readonly notes: readonly string[];
}

/** The data that the page brings, by chapter. */
const BUILTIN: Readonly<Record<Teaching, string>> = {
  load: 'moby-dick.txt',
  classify: 'data/classify.tsv',
  instruct: 'data/instruct.jsonl',
  lora: 'data/instruct.jsonl',
  dpo: 'data/prefer.jsonl',
};

export interface LessonOpening {
  asked: Lesson;
  base: BaseModel;
  data: LessonData;
  /** Complete settings of a saved run, which goes on. */
  saved?: { settings: Partial<FinetuneSettings>; seed: number };
  stop(): boolean;
  phase(text: string, done: number, total: number): void;
}

const TEMPLATE = { promptFormat: 'template' } as const;

/** Whether a task puts questions to its model. */
const asksIn = (task: LessonTask): boolean => task === 'instruct' || task === 'prefer';

/** @throws InputError for data that cannot be learned from, for settings that contradict the model, and where nothing would be trained on */
export async function openSpec({ asked, base, data, saved, stop, phase }: LessonOpening): Promise<LessonSpec> {
  const task = taskOf(asked.chapter, data);
  // A model of plain characters has no form of its own for a conversation: it learns the page's.
  const plain = base.template === null && base.tokenizer.eosId === null && asksIn(task);
  const { tokenizer, template } = plain ? await withForm(base.tokenizer, PLAIN_FORM) : base;
  const notes = [...base.notes];
  const seed = saved?.seed ?? asked.settings.seed ?? 1337;
  const engine = await openLesson({
    ...{ task, data, config: base.config, modelName: base.name, tokenizer, seed, stop },
    settings: saved?.settings ?? { ...lessonSettings(asked, base, task), ...(asksIn(task) && template && TEMPLATE) },
    resumed: saved !== undefined,
    // The page has its own places for figures.
    tell: { note: (line) => notes.push(line), warn: (line) => notes.push(line), figures: () => {}, phase },
  });
  if (engine.counts.trained === 0)
    throw new InputError(`${data.name}: found no token to train on, expected some. Look at the rows, and give others.`);
  // The plain form ends an answer with its line, which is a token.
  const told = plain ? notes.filter((line) => !line.includes('no token that ends a text')) : notes;
  const notesOf = told.map(pageWords).filter((line) => line !== '');
  return { asked, task, base, tokenizer, template, data, engine, seed, notes: notesOf };
}

/** The text of a lesson. @throws InputError where the page's own cannot be fetched */
export async function lessonData({ chapter, data }: Pick<Lesson, 'chapter' | 'data'>): Promise<LessonData> {
  const own = 'own' in data ? data.own : null;
  return own ? hashed(own, true) : hashed(await builtin(BUILTIN[chapter]), false);
}

function hashed({ name, text }: OwnText, own: boolean): LessonData {
  return { name: name.replace(/^.*[\\/]/, '') || 'data.txt', text, hash: hashOfText(text), own };
}

async function builtin(path: string): Promise<OwnText> {
  const response = await fetch(new URL(path, globalThis.location.href)).catch(() => null);
  if (!response?.ok) {
    const found = response ? `status ${response.status}` : 'no answer';
    throw new InputError(
      `${path}: found ${found}, expected the data beside the page. Try again, or give data of your own.`,
    );
  }
  return { name: path.split('/').at(-1)!, text: await response.text() };
}

/** What is learned: an adapter learns what its data is of. */
function taskOf(chapter: Teaching, { name }: LessonData): LessonTask {
  if (chapter === 'load') return 'language';
  if (chapter === 'classify') return 'classify';
  if (chapter === 'dpo') return 'prefer';
  return chapter === 'lora' && /\.(txt|md)$/i.test(name) ? 'language' : 'instruct';
}
