// What an encoder-decoder makes of pairs: all of their sources are written anew, scored beside their targets, and beside what needs no
// network. evaluate says it, and finetune at the end of a run.

import { counted, grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import { spread } from '../data/spread.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { StoppedError } from '../errors.ts';
import type { Translator } from '../generate/translator.ts';
import { leadSentence } from '../scores/lead.ts';
import {
  type SummaryScores,
  summaryScores,
  type TranslationScores,
  translationLines,
  translationScores,
} from '../scores/text_scores.ts';
import { type TextPair, wordByWord } from '../scores/word_by_word.ts';
import type { CommandContext } from './command.ts';
import { RateLine } from './rate_line.ts';

/** What the texts of a task are called. */
export type PairTask = 'translate' | 'summarize';

/** A source in tokens, without its end, with both texts. */
export interface AskedPair extends TextPair {
  readonly ids: ArrayLike<number>;
}

export interface PairFiguresOptions {
  readonly task: PairTask;
  readonly translator: Pick<Translator, 'translate'>;
  /** Of the targets. */
  readonly tokenizer: Pick<Tokenizer, 'decode'>;
  readonly beams: number;
  readonly lengthPenalty?: number | undefined;
  readonly lowercase?: boolean | undefined;
  /** Pairs that were trained on: the dictionary is learned from them. Default: none is. */
  readonly trained?: readonly TextPair[] | null | undefined;
  /** Samples that are kept, from all over the pairs. */
  readonly samples: number;
}

export interface PairSample {
  readonly source: string;
  readonly reference: string;
  /** What was written. */
  readonly text: string;
}

/** As they stand in JSON. */
export interface PairFigures extends Partial<TranslationScores>, Partial<SummaryScores> {
  readonly rows: number;
  readonly beams: number;
  readonly lengthPenalty: number;
  /** Of writing them all. */
  readonly seconds: number;
  /** Texts that were cut off at their longest: no end came. */
  readonly unended: number;
  /** What needs no network, by its name. */
  readonly baselines: Readonly<Record<string, BaselineScores>>;
  /** Sources that were trained on too; missing where nobody knows. */
  readonly seenBefore?: number;
  readonly samples: readonly PairSample[];
}

/** BLEU and chrF of translations, ROUGE-L of summaries. */
type BaselineScores = Partial<Pick<TranslationScores, 'bleu' | 'chrf'> & SummaryScores>;

/**
 * Writes a text from every source, and scores them.
 * @param pairs at least one
 * @throws StoppedError where a signal asked to stop
 */
export async function pairFigures(
  pairs: readonly AskedPair[],
  { task, translator, tokenizer, beams, lengthPenalty = 1, lowercase, trained, samples }: PairFiguresOptions,
  { out, signal }: Pick<CommandContext, 'out' | 'signal'>,
): Promise<PairFigures> {
  const line = new RateLine(out, task === 'summarize' ? 'texts summarised' : 'texts translated', grouped);
  const since = performance.now();
  const written = await translator
    .translate(
      pairs.map(({ ids }) => Array.from(ids)),
      {
        beams,
        lengthPenalty,
        stopped: () => signal.requested,
        onDone: (done, of) => line.update(done, of),
      },
    )
    .finally(() => line.end());
  if (signal.requested) throw new StoppedError();
  const seconds = (performance.now() - since) / 1000;
  const texts = written.map(({ ids }) => tokenizer.decode(ids));
  const references = pairs.map(({ target }) => target);
  const score = (all: readonly string[]): TranslationScores | SummaryScores =>
    task === 'summarize' ? summaryScores(all, [references]) : translationScores(all, [references], { lowercase });
  const known = trained && new Set(trained.map(({ source }) => source));
  return {
    ...score(texts),
    rows: pairs.length,
    beams,
    lengthPenalty,
    seconds,
    unended: written.filter(({ ended }) => !ended).length,
    baselines: Object.fromEntries(
      Object.entries(baselinesFor(task, trained)).map(([name, write]) => [
        name,
        short(score(pairs.map(({ source }) => write(source)))),
      ]),
    ),
    ...(known && { seenBefore: pairs.filter(({ source }) => known.has(source)).length }),
    samples: spread(pairs.length, samples).map((i) => {
      const { source, target: reference } = pairs[i]!;
      return { source, reference, text: texts[i]! };
    }),
  };
}

/** What writes a text without a network, by its name. */
function baselinesFor(
  task: PairTask,
  trained: PairFiguresOptions['trained'],
): Readonly<Record<string, (source: string) => string>> {
  if (task === 'summarize') return { leadSentence };
  return { copy: (source) => source, ...(trained && { wordByWord: wordByWord(trained) }) };
}

function short(scores: TranslationScores | SummaryScores): BaselineScores {
  if ('rougeL' in scores) return scores;
  const { bleu, chrf } = scores;
  return { bleu, chrf };
}

const NAMES: Readonly<Record<string, string>> = {
  copy: 'the source as it is',
  wordByWord: 'word by word, from a dictionary',
  leadSentence: 'the first sentence',
};

/** The figures for people: scores, what is beside them, and samples. */
export function pairFigureLines(figures: PairFigures): string[] {
  const { rows, beams, lengthPenalty, seconds, unended, baselines, samples } = figures;
  const how = beams === 1 ? 'greedily' : `with ${beams} beams and a length penalty of ${lengthPenalty}`;
  const each = Object.entries(baselines).map(([name, scores]) => `${NAMES[name] ?? name}: ${scoreText(scores)}`);
  return [
    ...('bleu' in figures ? translationLines(figures as TranslationScores) : [scoreText(figures)]),
    `${counted(rows, 'text')} written ${how} in ${seconds.toFixed(1)} s, ${percent(figures.exactMatch!)} exactly as the reference${unended > 0 ? `; ${grouped(unended)} of them cut off: no end came` : ''}`,
    ...each,
    ...samples.flatMap(({ source, reference, text }) => [
      '',
      `source:    ${shown(source)}`,
      `reference: ${shown(reference)}`,
      `written:   ${shown(text)}`,
    ]),
  ];
}

function scoreText({ bleu, chrf, rougeL }: BaselineScores): string {
  return rougeL === undefined ? `BLEU ${bleu!.toFixed(2)}, chrF2 ${chrf!.toFixed(2)}` : `ROUGE-L ${rougeL.toFixed(4)}`;
}

/** Characters of a sample that are printed: documents are long. */
const MOST_SHOWN = 400;

function shown(text: string): string {
  const characters = [...printable(text, true)];
  return characters.length > MOST_SHOWN ? `${characters.slice(0, MOST_SHOWN).join('')}...` : characters.join('');
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
