// Whether a run meets the recorded one, whose curve is the grey line: the same settings on the same kind of adapter give the same bits. Pure.
import type { PageSettings } from '../protocol.ts';
import type { Recorded } from '../recorded.ts';
import { COMPARED, differenceText, firstDifference, firstOutside, largestDifference } from '../same_losses.ts';

interface Run {
  settings: PageSettings;
  adapter: string;
  steps: readonly number[];
  loss: readonly (number | null)[];
}

/** One sentence, or '' while there is nothing to say. */
export function metText({ settings, adapter, steps, loss }: Run, recorded: Recorded): string {
  const names = Object.keys(recorded.settings) as (keyof PageSettings)[];
  if (names.some((name) => settings[name] !== recorded.settings[name])) return '';
  if (steps[0] !== 1 || steps.length < COMPARED) return '';
  const expected = recorded.firstLosses;
  if (adapter === recorded.adapter) {
    const parted = firstDifference(expected, loss);
    if (!parted) return `Its first ${expected.length} losses are the recorded run's, to the last bit.`;
    return `It parts from the recorded run at step ${parted.step} (${differenceText(parted.difference)}).`;
  }
  const outside = firstOutside(expected, loss);
  if (outside)
    return `It leaves the band of float32 rounding around the run recorded on ${recorded.adapter} at step ${outside.step} (${differenceText(outside.difference)}).`;
  const { step, difference } = largestDifference(expected, loss);
  return `Its first ${expected.length} losses are those recorded on ${recorded.adapter} within float32 rounding: at most ${differenceText(difference)} apart, at step ${step}.`;
}
