// A fine-tuning from a text in memory: what the page's lessons are, from the data to everything that a run needs. The same rows,
// settings, batches and sentences as `finetune` has of a file with that text.
import { jsonRowsOf } from '../data/json_rows.ts';
import { readLabelledText } from '../data/labelled_rows.ts';
import { requireText } from '../data/text_bytes.ts';
import { textCorpus } from '../data/text_corpus.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { ModelConfig } from '../nn/families.ts';
import { textInMemory } from '../train/corpus_data.ts';
import type { Json } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import { runName } from '../train/run_name.ts';
import { CLASSIFY, openClassify, poolingOf } from './classify.ts';
import { INSTRUCT, openInstruct } from './instruct.ts';
import { partsOf } from './labelled_parts.ts';
import { LANGUAGE, languageParts } from './language.ts';
import type { LanguageRun, OpenedRows, OpenedTask, RowsRequest, TaskFacts, Tell } from './opened.ts';
import { openPrefer, PREFER } from './prefer.ts';
import { type FinetuneSettings, newSettings, settled, type TaskSettings } from './settings.ts';
import { overLanguage } from './trained_model.ts';

const TASKS = { language: LANGUAGE, classify: CLASSIFY, instruct: INSTRUCT, prefer: PREFER } as const;

export type LessonTask = keyof typeof TASKS;

export interface LessonRequest {
  task: LessonTask;
  /** Its file name, whose ending tells tables apart, its text, and the SHA-256 of the text's bytes, hex. */
  data: { readonly name: string; readonly text: string; readonly hash: string };
  /** Of the model that is taught. */
  config: ModelConfig;
  /** What the model is called in messages. */
  modelName: string;
  /** The model's own; its files hold the chat template, where there is one. */
  tokenizer: Tokenizer;
  /** What was chosen; the rest follows from the task, the model and the data. */
  settings: Partial<FinetuneSettings>;
  /** In place of `settings.steps`. */
  epochs?: number | undefined;
  /** The run was saved, and is gone on with: `settings` are all of them. Default false. */
  resumed?: boolean | undefined;
  seed: number;
  tell: Tell;
  /** Ends what is measured, by a StoppedError. */
  stop(): boolean;
}

/** A lesson before its first step. */
export interface Lesson extends TaskFacts {
  /** Complete: the steps are known. */
  readonly settings: FinetuneSettings;
  readonly opened: OpenedTask<LanguageRun>;
  /** For the start event. */
  readonly dataset: { readonly [key: string]: Json };
  /** Losses that words can be put to. */
  readonly references: readonly Reference[];
  /** What a loss is the mean of: `nats a token`. */
  readonly unit: string;
}

/**
 * Reads the data and decides everything that can be known without a machine.
 * @throws InputError for settings that contradict each other or the model, and for data that cannot be learned from
 */
export async function openLesson(request: LessonRequest): Promise<Lesson> {
  const { config, seed, epochs, resumed = false, modelName: name } = request;
  const typed = chosenIn(request.settings);
  const task: TaskSettings = TASKS[request.task];
  const more = request.task === 'classify' ? poolingOf(config) : {};
  // Those of a saved run are all there, and were agreed on.
  const asked = resumed
    ? (typed as FinetuneSettings)
    : newSettings(task, typed, { name, blockSize: config.blockSize }, more);
  const opened = await openRows(request, asked);
  const settings = resumed ? asked : settled(asked, typed, task, opened, epochs);
  const { dataset, references, unit = 'nats a token' } = opened.data(settings, seed);
  return { ...opened.facts, settings, opened, dataset, references: references(), unit };
}

/** What is undefined was not chosen. */
function chosenIn(settings: Partial<FinetuneSettings>): Partial<FinetuneSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

async function openRows(lesson: LessonRequest, settings: FinetuneSettings): Promise<OpenedRows> {
  const { task, data, config, tokenizer, seed, tell, resumed = false } = lesson;
  const { name, text, hash } = data;
  const request: RowsRequest = {
    ...{ settings, config, tokenizer, fresh: false, seed, resumed, tell, stop: () => lesson.stop() },
    chosen: new Set(resumed ? [] : Object.keys(chosenIn(lesson.settings))),
    data: { name, hash },
  };
  if (task === 'classify') {
    const read = partsOf((columns) => readLabelledText(name, text, columns), settings, seed);
    return openClassify(request, read);
  }
  if (task === 'instruct') return openInstruct(request, jsonRowsOf(name, text));
  if (task === 'prefer') return openPrefer(request, jsonRowsOf(name, text));
  requireText(name, text);
  const corpus = textCorpus(name, text, { validationPart: settings.validationPart, tokenizer });
  const facts = { name: runName(name), remembered: { data: name, samplePrompt: null }, prompt: null };
  return overLanguage(request, languageParts(request, textInMemory(corpus, stem(name)), facts));
}

/** A file's name without its ending, as a corpus is called. */
const stem = (name: string) => name.replace(/(?<=[^/\\])\.[^./\\]*$/, '').replace(/^.*[/\\]/, '');
