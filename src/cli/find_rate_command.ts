// pretrain --find-lr: a short run with a rising learning rate, its curve, and a suggestion with its reason. Nothing is written.
import type { Batch } from '../autograd/machine.ts';
import type { SearchEvent } from '../train/events.ts';
import { type RatePoint, rateOf, SEARCH, searchRates, smoothed, suggestRate } from '../train/find_rate.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { AnyTrainer } from '../train/training.ts';
import type { CommandContext } from './command.ts';
import { shortNumber } from './format.ts';
import { wrap } from './help.ts';
import type { Output } from './output.ts';
import { plotLoss } from './plot.ts';
import { Progress } from './progress.ts';

/** What a search must not do: a step that is skipped because its loss rises hides what is looked for. */
export function searchSettings<S extends TrainingSettings>(settings: S): S {
  return { ...settings, skipSpikes: false };
}

/** @param batches of the next step   @returns the exit code */
export async function findRate(
  { out, signal }: CommandContext,
  trainer: Pick<AnyTrainer, 'step' | 'advance'>,
  batches: () => readonly Batch[],
): Promise<number> {
  const progress = new Progress(out, 0);
  const points: RatePoint[] = [];
  const emit = (event: SearchEvent) => out.emit(event);
  for await (const point of searchRates(trainer, batches, SEARCH, () => signal.requested)) {
    points.push(point);
    emit({ event: 'find-lr', ...point });
    progress.phase('trying learning rates', point.step, SEARCH.steps);
  }
  progress.end();
  if (signal.requested) return 0;
  const { learningRate, reason } = suggestRate(points);
  out.log(chart(points, learningRate, out));
  out.log();
  emit({ event: 'suggestion', learningRate, reason });
  // The result is said even with --quiet; with --json it is in the event.
  const say = (line: string) => (out.json ? out.log(line) : out.print(line));
  say(learningRate === null ? 'no suggestion' : `--learning-rate ${learningRate}`);
  for (const line of wrap(reason, Math.min(out.width, 100), '')) say(out.style.dim(line));
  return 0;
}

/** The averaged loss over the learning rate, in equal steps of its logarithm; the suggestion is marked. */
function chart(points: readonly RatePoint[], suggestion: number | null, { width, unicode, style }: Output): string {
  const line = smoothed(points).map(({ step, loss }) => ({ step, value: loss }));
  const stepOf = (rate: number) =>
    1 + ((SEARCH.steps - 1) * Math.log(rate / SEARCH.from)) / Math.log(SEARCH.to / SEARCH.from);
  const at = suggestion === null ? [] : [Math.round(stepOf(suggestion))];
  return plotLoss({
    train: line,
    validation: at.flatMap((step) => line.filter((p) => p.step === step)),
    decay: 0,
    names: ['loss over the learning rate', `suggested ${suggestion}`],
    lastStep: SEARCH.steps,
    axis: decades().map((rate) => ({ step: stepOf(rate), text: shortNumber(rate, 1) })),
    width: Math.min(width, 100),
    unicode,
    style,
  });
}

/** Powers of ten among the learning rates that are tried. */
function decades(): number[] {
  const [low, high] = [rateOf(1, SEARCH), rateOf(SEARCH.steps, SEARCH)].map((rate) => Math.round(Math.log10(rate)));
  return Array.from({ length: high! - low! + 1 }, (_, i) => Number(`1e${low! + i}`));
}
