// The text of a run: the book beside the page, or the visitor's own; and what can be said of it before anything is learnt.
import {
  countingBaselines,
  InputError,
  type TextCorpus,
  type Tokenizer,
  textCorpus,
  tokenChunks,
} from '../../src/index.ts';
import type { News, OwnText, References } from '../protocol.ts';
import { BOOK } from './presets.ts';

export interface OpenText {
  /** `moby-dick`, or the first 12 digits of the hash. */
  data: string;
  corpus: TextCorpus;
  /** null for the book, which every page has. */
  own: OwnText | null;
}

/** A visitor's text beside the saves of a run. */
export const TEXT_FILE = 'text.txt';

/** Tokens of a text that are shown. */
const SHOWN = 1200;
/** Tokens of the validation part in which a beginning for the samples is looked for. */
const PROMPT_WITHIN = 8000;

/** The book. @throws InputError if it cannot be fetched */
export async function openBook(tokenizer?: Tokenizer): Promise<OpenText> {
  const address = new URL('moby-dick.txt', globalThis.location.href);
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    const found = response ? `status ${response.status}` : 'no answer';
    throw new InputError(
      `moby-dick.txt: found ${found}, expected the book beside the page. Try again, or give a text of your own.`,
    );
  }
  return { data: BOOK, corpus: textCorpus(BOOK, await response.text(), { tokenizer }), own: null };
}

/** A visitor's text. @throws InputError as textCorpus */
export function openOwn(own: OwnText, tokenizer?: Tokenizer): OpenText {
  const text = own.text.replace(/^\ufeff/, '');
  const corpus = textCorpus(own.name, text, { tokenizer });
  return { data: corpus.hash.slice(0, 12), corpus, own: { name: own.name, text } };
}

/** The text that settings name: the one that is open, the book, or one that a saved run has; null where it is not here. */
export async function textOf(
  data: string,
  open: OpenText | null,
  saved: (data: string) => Promise<OwnText | null>,
): Promise<OpenText | null> {
  if (open?.data === data) return open;
  if (data === BOOK) return openBook();
  const own = await saved(data);
  return own && openOwn(own);
}

/** What samples begin with: the first words of a line of the validation part, the same ones in every run on this text. */
export function pinnedPrompt({ corpus }: OpenText): string {
  const text = corpus.tokenizer.decode(corpus.validation(0, Math.min(PROMPT_WITHIN, corpus.validationLength)));
  const lines = text.split('\n').slice(1, -1);
  const words = lines.map((line) => /^\p{L}\S*(?: \p{L}\S*)?/u.exec(line)?.[0] ?? '');
  const found = words.find((word) => word.length >= 4 && word.length <= 24);
  // Of blanks alone there is a text too.
  return found ?? [...(text.trimStart() || text)].slice(0, 8).join('');
}

export function textNews({ data, corpus }: OpenText): News {
  const { name, characters, tokenizer, trainLength, validationLength } = corpus;
  const decoder = tokenizer.decoder();
  const head = Array.from(corpus.train(0, SHOWN), (id) => decoder.push(id));
  return {
    type: 'text',
    ...{ name, data, characters, head },
    tokens: trainLength + validationLength,
    vocabSize: tokenizer.vocabSize,
    tokenizer: tokenizer.kind,
    references: referencesOf(corpus),
    fits: fitsOf(corpus),
  };
}

function referencesOf(corpus: TextCorpus): References {
  const { vocabSize } = corpus.tokenizer;
  const guessing = Math.log(vocabSize);
  if (vocabSize > 1024 || corpus.validationLength < 2) return { guessing, letters: null, pairs: null };
  const { unigram, bigram } = countingBaselines(
    tokenChunks((start, n) => corpus.train(start, n), corpus.trainLength),
    tokenChunks((start, n) => corpus.validation(start, n), corpus.validationLength),
    vocabSize,
  );
  return { guessing, letters: unigram, pairs: bigram };
}

/** A window and its last target must fit into both parts. */
function fitsOf({ trainLength, validationLength }: TextCorpus): { longestContext: number; sentence: string } {
  const longestContext = Math.max(0, Math.min(trainLength, validationLength) - 1);
  const tokens = trainLength + validationLength;
  const grouped = (n: number) => n.toLocaleString('en');
  if (longestContext < 8)
    return { longestContext, sentence: `${grouped(tokens)} tokens are too few to learn from: give some thousands.` };
  // A model with as many weights as the text has tokens can learn much of it by heart.
  const sentence =
    tokens < 20_000
      ? `${grouped(tokens)} tokens are few: a small model soon knows them by heart, and the validation loss rises again. The context can be at most ${grouped(longestContext)}.`
      : `${grouped(tokens)} tokens suit a model of up to about ${grouped(Math.round(tokens / 1000) * 1000)} parameters; a larger one soon knows them by heart.`;
  return { longestContext, sentence };
}

/** @throws InputError where a part of the text is shorter than a context and its last target */
export function requireContext({ corpus: { name, trainLength, validationLength } }: OpenText, context: number): void {
  const [part, length] = trainLength < validationLength ? ['train', trainLength] : ['validation', validationLength];
  if (length > context) return;
  throw new InputError(
    `${name}: found ${length} tokens in the ${part} part, expected at least ${context + 1} for a context of ${context}. ` +
      (length > 8 ? `Make the context ${length - 1} or less, or give a longer text.` : 'Give a longer text.'),
  );
}

/** A visitor's text as a file beside the run. */
export function textFileName(name: string): string {
  const plain = name
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  // A run folder has a samples.txt of its own.
  return `${plain === 'samples' ? 'samples-text' : plain || 'text'}.txt`;
}
