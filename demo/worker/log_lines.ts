// A run's log as it is saved: metrics.jsonl, an event a line.
import type { RunEvent } from '../../src/index.ts';

/** The file of these events. */
export function linesOf(events: readonly RunEvent[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** What events of a kind hold besides their step. A number that is not finite was written as null. */
const HOLDS: Record<RunEvent['event'], { numbers?: readonly string[]; texts?: readonly string[] }> = {
  start: {},
  step: { numbers: ['loss', 'learningRate', 'gradNorm', 'tokensPerSecond'] },
  eval: { numbers: ['trainLoss', 'validationLoss'] },
  spike: { numbers: ['loss', 'z'], texts: ['text'] },
  warning: { texts: ['text'] },
  sample: { texts: ['text'] },
  save: { texts: ['path'] },
  end: { numbers: ['validationLoss'], texts: ['parameterHash'] },
};

/** The events of a file's whole lines. A person may have changed the file: what is no event is left out. */
export function eventsOf(bytes: Uint8Array | undefined): RunEvent[] {
  const events: RunEvent[] = [];
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    try {
      const event: unknown = JSON.parse(line || 'null');
      if (isEvent(event)) events.push(event);
    } catch {
      // A log of another program, cut in the middle of its last line.
    }
  }
  return events;
}

function isEvent(value: unknown): value is RunEvent {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const kind = fields.get('event');
  if (typeof kind !== 'string' || !Object.hasOwn(HOLDS, kind)) return false;
  const { numbers = [], texts = [] } = HOLDS[kind as RunEvent['event']];
  const step = fields.get('step');
  return (
    (kind === 'start' || (Number.isSafeInteger(step) && (step as number) >= 0)) &&
    numbers.every((name) => fields.get(name) === null || typeof fields.get(name) === 'number') &&
    texts.every((name) => typeof fields.get(name) === 'string')
  );
}
