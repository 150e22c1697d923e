// metrics.jsonl and samples.txt of a run folder: a line an event, readable while the run goes on, and cut back when it resumes.

import { InputError } from '../errors.ts';
import { type FileLayer, readText, replaceFile, writeSome } from './files.ts';
import { saveError } from './step_folder.ts';

/** What a log needs to know of an event; which events there are is the business of training. */
export interface LoggedEvent {
  readonly event: string;
  readonly step?: number;
  readonly [key: string]: unknown;
}

const metricsName = 'metrics.jsonl';
const samplesName = 'samples.txt';
/** Some millions of steps; a longer text does not fit a string. */
const maxLogBytes = 500 * 2 ** 20;

export class RunLog {
  private readonly layer: FileLayer;
  private readonly path: string;
  private readonly pending = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(layer: FileLayer, runPath: string) {
    this.layer = layer;
    this.path = runPath;
  }

  /** Appends an event to metrics.jsonl; a `sample` with its text also to samples.txt. @throws RunError if the disk refuses */
  append(event: LoggedEvent): void {
    this.write(metricsName, `${JSON.stringify(event)}\n`);
    if (event.event === 'sample') this.write(samplesName, sampleText(event));
  }

  /** Makes sure that what was appended is on disk. Called before each save: a checkpoint never knows more steps than the log. */
  sync(): void {
    for (const name of [metricsName, samplesName]) {
      this.guard(name, () => {
        if (!this.layer.stat(`${this.path}/${name}`)) return;
        this.withHandle(name, (handle) => this.layer.sync(handle));
      });
    }
  }

  /** All whole events of metrics.jsonl; a line cut by a crash is left out. None of a log over 500 MiB. */
  read(): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    for (const line of (readText(this.layer, `${this.path}/${metricsName}`, maxLogBytes) ?? '').split('\n')) {
      const event = parseEvent(line);
      if (event) events.push(event);
    }
    return events;
  }

  /**
   * Cuts both files back to `step`: later events go, and so does the `end` of a run that is about to be continued.
   * @throws InputError for a log too long to be read; RunError if the disk refuses
   */
  async cutBack(step: number): Promise<void> {
    const size = this.layer.stat(`${this.path}/${metricsName}`)?.size ?? 0;
    // Taken for empty, it would be cut back to nothing.
    if (size > maxLogBytes)
      throw new InputError(
        `${this.path}/${metricsName}: found ${size} bytes, expected at most ${maxLogBytes}. Move it out of the folder to go on without it.`,
      );
    const events = this.read();
    const later = events.findIndex((event) => (event.step ?? 0) > step);
    const kept = (later < 0 ? events : events.slice(0, later)).filter((event) => event.event !== 'end');
    const samples = kept.filter((event) => event.event === 'sample');
    await this.replace(metricsName, kept.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await this.replace(samplesName, samples.map(sampleText).join(''));
  }

  private async replace(name: string, text: string): Promise<void> {
    this.pending.delete(name);
    try {
      if (text === '') this.layer.remove(`${this.path}/${name}`);
      else await replaceFile(this.layer, this.path, name, new TextEncoder().encode(text));
    } catch (error) {
      throw saveError(this.path, name, error);
    }
  }

  /** What the disk refuses is kept and comes first the next time, so that a log has no gap and no torn line in the middle. */
  private write(name: string, text: string): void {
    const before = this.pending.get(name) ?? new Uint8Array();
    const added = new TextEncoder().encode(text);
    let rest = new Uint8Array(before.length + added.length);
    rest.set(before);
    rest.set(added, before.length);
    this.guard(name, () => {
      try {
        this.withHandle(name, (handle) => {
          while (rest.length > 0) rest = rest.subarray(writeSome(this.layer, handle, rest));
        });
      } finally {
        this.pending.set(name, rest);
      }
    });
  }

  private withHandle(name: string, use: (handle: number) => void): void {
    const handle = this.layer.open(`${this.path}/${name}`, 'append');
    try {
      use(handle);
    } finally {
      this.layer.close(handle);
    }
  }

  private guard(name: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw saveError(this.path, name, error);
    }
  }
}

function sampleText(event: LoggedEvent): string {
  return `--- step ${event.step ?? 0}\n${String(event.text ?? '')}\n\n`;
}

function parseEvent(line: string): LoggedEvent | null {
  try {
    const event = JSON.parse(line);
    return typeof event === 'object' && typeof event?.event === 'string' ? event : null;
  } catch {
    return null;
  }
}
