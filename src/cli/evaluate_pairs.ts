// evaluate --task translate and summarize: the loss of an encoder-decoder over pairs, what it writes from their sources, and what needs no
// network.

import { grouped } from '../data/counted.ts';
import type { Pair } from '../data/pairs/read_pairs.ts';
import { printable } from '../data/printable.ts';
import { StoppedError } from '../errors.ts';
import { Translator } from '../generate/translator.ts';
import type { EncoderDecoder } from '../nn/encoder_decoder.ts';
import type { Device } from '../runtime/device.ts';
import { translateTask } from '../tasks/translate.ts';
import { type IdPair, pairRows } from '../tasks/translate_rows.ts';
import type { Precision } from '../tensor/tensor.ts';
import { type Evaluation, evaluateBatches } from '../train/evaluate.ts';
import { pairLossBatches } from '../train/pair_loss_batches.ts';
import type { CommandContext } from './command.ts';
import type { EvaluateFlags } from './evaluate_flags.ts';
import { rememberedPairTraining } from './finetune/pair_memory.ts';
import type { Output } from './output.ts';
import { type AskedPair, type PairTask, pairFigureLines, pairFigures } from './pair_figures.ts';
import { RateLine } from './rate_line.ts';
import { toldPairs, toldRows } from './told_pairs.ts';
import { openTranslator, targetText } from './translator_folder.ts';

/** @throws InputError as readPairs, encodePairs and openTranslator; StoppedError where a signal asked to stop */
export async function evaluatePairs(
  context: CommandContext,
  device: Device,
  place: string,
  given: EvaluateFlags,
  dtype: Precision,
): Promise<void> {
  const { out } = context;
  const { data, source, target, sourceColumn, targetColumn, beams, lengthPenalty, lowercase, show } = given;
  const task = given.task as PairTask;
  const { name, pairs: read } = toldPairs(
    { data, source, target, sourceColumn, targetColumn, keepRepeated: true },
    out,
  );
  const typed = typedTraining(given, out);
  const loaded = await openTranslator(device, place, { ...given, dtype }, context);
  const { model } = loaded;
  const long = 'cut';
  const { rows, pairs } = toldRows(read, { ...loaded, blockSize: model.blockSize, long, name }, out);
  const trained = typed ?? remembered(loaded.dir, out);

  const { loss, tokens } = await pairLoss(context, device, model, rows, dtype);
  const asked = rows.map(({ source: ids }, i): AskedPair => ({ ...pairs[i]!, ids }));
  const translator = new Translator(device, model, { dtype });
  const tokenizer = { decode: (ids: readonly number[]) => targetText(loaded, ids) };
  const options = { task, translator, tokenizer, beams, lengthPenalty, lowercase, trained, samples: show };
  const figures = await pairFigures(asked, options, context).finally(() => translator.release());
  const perplexity = Math.exp(loss);
  out.emit({ loss, perplexity, tokens, ...figures });
  out.print(
    `loss ${loss.toFixed(4)} nats a token over ${grouped(tokens)} tokens of ${grouped(rows.length)} targets and their ends, perplexity ${perplexity.toFixed(3)}`,
  );
  for (const line of pairFigureLines(figures)) out.print(line);
  if (figures.seenBefore)
    out.note(
      `${grouped(figures.seenBefore)} of ${grouped(rows.length)} sources were trained on: they say nothing of how it does on new ones`,
    );
  if (task === 'translate' && !trained)
    out.note(
      'baselines: word by word is left out: its dictionary is learned from the pairs that were trained on, with --train-data FILE',
    );
}

/** Mean loss of every token of the targets, and their ends. */
async function pairLoss(
  { out, signal }: CommandContext,
  device: Device,
  model: EncoderDecoder,
  rows: readonly IdPair[],
  dtype: Precision,
): Promise<Evaluation> {
  const line = new RateLine(out, 'tokens evaluated', grouped);
  const total = rows.reduce((sum, { target }) => sum + target.length + 1, 0);
  const onTokens = (tokens: number) => {
    if (signal.requested) throw new StoppedError();
    line.update(tokens, total);
  };
  const batches = pairLossBatches(pairRows(rows, model.config));
  return evaluateBatches(device, model, translateTask({ dtype }), batches, onTokens).finally(() => line.end());
}

/** The pairs that were trained on, where their files were typed. */
function typedTraining(given: EvaluateFlags, out: Output): readonly Pair[] | null {
  const { trainData: data, trainSource: source, trainTarget: target, sourceColumn, targetColumn } = given;
  if (data === undefined && source === undefined) return null;
  const columns = data !== undefined && { sourceColumn, targetColumn };
  return toldPairs({ data, source, target, ...columns, flagPrefix: 'train-' }, out).pairs;
}

/** Those of the run that the model is of, where they can be told. */
function remembered(dir: string, out: Output): readonly Pair[] | null {
  const found = rememberedPairTraining(dir);
  if (found)
    out.note(
      `baselines: they know the ${grouped(found.pairs.length)} pairs of ${printable(found.name, true)} that the run was trained on`,
    );
  return found?.pairs ?? null;
}
