// evaluate --task hellaswag: in how many items the true ending is the one that the model finds the likeliest.

import { grouped } from '../data/counted.ts';
import { completionsOf, readHellaSwag } from '../data/hellaswag.ts';
import { InputError, StoppedError } from '../errors.ts';
import { languageTask } from '../tasks/language.ts';
import { likeliest, scoreCompletions } from '../train/completions.ts';
import type { Measure } from './measure.ts';
import { RateLine } from './rate_line.ts';

/** Accuracy by the mean log-probability of the endings' tokens, and the loss of the true endings. */
export const evaluateHellaSwag: Measure = async (
  { out, signal },
  device,
  { model, tokenizer, dir },
  { data, limit },
  dtype,
) => {
  if (!tokenizer)
    throw new InputError(`${dir}: found no tokenizer, expected one to encode the endings with. Put its files there.`);
  const items = readHellaSwag(data!, limit).map((item) => ({ ...item, completions: completionsOf(item, tokenizer) }));
  const all = items.flatMap(({ completions }) => completions);
  const line = new RateLine(out, 'endings scored', (n) => grouped(Math.round(n)));
  const onScored = (done: number) => {
    if (signal.requested) throw new StoppedError();
    line.update(done, all.length);
  };
  const scores = await scoreCompletions(device, model, languageTask({ dtype }), all, onScored).finally(() =>
    line.end(),
  );

  let [at, correct, guessed, tokens, logProbability] = [0, 0, 0, 0, 0];
  for (const { completions, label } of items) {
    const own = scores.slice(at, (at += completions.length));
    if (likeliest(own) === label) correct++;
    guessed += 1 / completions.length;
    tokens += own[label]!.tokens;
    logProbability += own[label]!.tokens * own[label]!.meanLogProbability;
  }
  const cut = scores.filter((score) => score.cut).length;
  if (cut > 0)
    out.note(
      `${grouped(cut)} of ${grouped(all.length)} endings are longer with their beginnings than the context of ${model.blockSize} tokens: the beginnings are cut`,
    );
  const accuracy = correct / items.length;
  const loss = -logProbability / tokens;
  out.emit({ accuracy, items: items.length, correct, loss, perplexity: Math.exp(loss), tokens });
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  // Of a share that was counted: the standard deviation of a mean of ones and zeros.
  const error = Math.sqrt((accuracy * (1 - accuracy)) / items.length);
  out.print(
    `accuracy ${percent(accuracy)} (± ${percent(error)}): ${grouped(correct)} of ${grouped(items.length)} items; guessing gives ${percent(guessed / items.length)}`,
  );
};
