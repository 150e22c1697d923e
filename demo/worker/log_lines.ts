// A run's log as it was saved: metrics.jsonl, an event a line.
import type { RunEvent } from '../../src/index.ts';

/** Whole lines of metrics.jsonl; they were written here and verified. */
export function eventsOf(bytes: Uint8Array | undefined): RunEvent[] {
  const events: RunEvent[] = [];
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    try {
      if (line) events.push(JSON.parse(line) as RunEvent);
    } catch {
      // A log of another program, cut in the middle of its last line.
    }
  }
  return events;
}
