// What is measured at the end of a run over pairs: all sources of a part are written anew, by beams, and all of it is kept in a file.
import { diskLayer, replaceFile } from '../../checkpoint/files.ts';
import { grouped } from '../../data/counted.ts';
import type { EncodedPair } from '../../data/pairs/encode_pairs.ts';
import type { Pair } from '../../data/pairs/read_pairs.ts';
import { spread } from '../../data/spread.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { EndEvent, Json } from '../../train/events.ts';
import type { Weights } from '../../train/step.ts';
import type { CommandContext } from '../command.ts';
import { type AskedPair, type PairFigures, type PairTask, pairFigureLines, pairFigures } from '../pair_figures.ts';
import type { PairRun } from './pair_run.ts';

const FILE = { translate: 'translations.tsv', summarize: 'summaries.tsv' } as const;
/** Texts that are told. */
const SAMPLES = 10;

export interface MeasuredPart {
  readonly part: 'validation' | 'test';
  readonly rows: readonly EncodedPair[];
  /** The texts of each row. */
  readonly pairs: readonly Pair[];
  readonly trained: readonly Pair[];
  readonly tokenizer: Tokenizer;
}

/**
 * Tells the figures, and writes the file.
 * @param weights that are measured: chosen before, since whoever chooses by a test part no longer tests
 * @returns them for the end event   @throws StoppedError where a signal asked to stop
 */
export async function finishPairs(
  context: CommandContext,
  task: PairTask,
  { translators, settings: { beams = 4 } }: PairRun,
  weights: Weights,
  { part, rows, pairs, trained, tokenizer }: MeasuredPart,
  folder: string,
): Promise<Pick<EndEvent, 'validation' | 'test'>> {
  const { out } = context;
  const asked = rows.map(({ source: ids }, i): AskedPair => ({ ...pairs[i]!, ids }));
  // All of them are kept.
  const options = { task, tokenizer, beams, samples: asked.length, trained };
  const shown = await pairFigures(asked, { ...options, translator: translators[weights]! }, context);
  const which = translators.ema ? `, ${weights === 'ema' ? 'averaged' : 'trained'} weights` : '';
  out.log();
  out.log(`${part}: ${grouped(asked.length)} pairs${which}`);
  const samples = spread(shown.samples.length, SAMPLES).map((i) => shown.samples[i]!);
  for (const line of pairFigureLines({ ...shown, samples })) out.log(line);
  out.log();
  const file = FILE[task];
  await replaceFile(diskLayer, folder, file, new TextEncoder().encode(tableOf(shown)));
  out.log(`${task === 'translate' ? 'translations' : 'summaries'}: ${folder}/${file}`);
  const { bleu, chrf, rougeL, exactMatch, unended, baselines } = shown;
  const figures: Record<string, Json> = {
    ...(bleu !== undefined && { bleu }),
    ...(chrf !== undefined && { chrf }),
    ...(rougeL !== undefined && { rougeL }),
    exactMatch: exactMatch!,
    rows: asked.length,
    baselines: baselines as unknown as Json,
    written: { beams, unended, weights, file: `${folder}/${file}` },
  };
  return { [part]: figures };
}

/** Source, reference and what was written, a line each; what would end a cell or a line is a space. */
function tableOf({ samples }: PairFigures): string {
  const cell = (text: string) => text.replace(/[\t\n\r\v\f\u0085\u2028\u2029]+/g, ' ');
  const lines = samples.map(({ source, reference, text }) => [source, reference, text].map(cell).join('\t'));
  return `${['source\treference\twritten', ...lines].join('\n')}\n`;
}
