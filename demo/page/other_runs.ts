// The runs that stand beside the present one in the charts: those that it was forked from. Pure.
import type { Fork } from '../protocol/past.ts';
import type { RunRecord } from './run_record.ts';

export interface OtherRun {
  /** From 1, in the order in which they began. */
  number: number;
  record: RunRecord;
  /** Its settings, as a link. */
  link: string;
  /** Where it parted from the one before it; null where it began by itself. */
  fork: Fork | null;
}

/** The colour of a run of that number, in the style and on canvases. */
export const colourOf = (number: number) => `run${((number - 1) % 4) + 1}` as 'run1' | 'run2' | 'run3' | 'run4';

/** What of its settings is not as in all others, a piece each: `lr=0.001`. */
export function unlike(link: string, links: readonly string[]): string[] {
  const entries = (each: string) => [...new URLSearchParams(each)].map(([key, value]) => `${key}=${value}`);
  const others = links.map((each) => new Set(entries(each)));
  return entries(link).filter((entry) => others.some((each) => !each.has(entry)));
}

/** A short name, for the end of its line: its number, and one thing that tells it from the others. */
export function nameOfRun({ number, link }: OtherRun, links: readonly string[]): string {
  const [first] = unlike(link, links);
  return first ? `${number}: ${first.replace('=', ' ')}` : `run ${number}`;
}
