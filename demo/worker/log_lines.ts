// A run's log as it is saved: metrics.jsonl, an event a line.
import type { RunEvent } from '../../src/index.ts';

/** The file of these events. */
export function linesOf(events: readonly RunEvent[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** The events of a file's whole lines. */
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
