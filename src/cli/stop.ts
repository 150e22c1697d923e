// Ctrl-C and SIGTERM. The first asks: the running step ends, the state is saved, and the program leaves with 130 or 143.
// The second leaves at once.

export type StopName = 'SIGINT' | 'SIGTERM';

/** Exit codes by signal: 128 + its number. */
const EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const;

/** A wish to stop, which a long job looks at between steps. */
export class StopSignal {
  #request: () => void = () => {};
  #name: StopName | undefined;
  #whenRequested = this.#pending();

  /** Resolves at the wish; stays pending if there is none. */
  get whenRequested(): Promise<void> {
    return this.#whenRequested;
  }

  #pending(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#request = resolve;
    });
  }

  get requested(): boolean {
    return this.#name !== undefined;
  }

  /** 130 after Ctrl-C, 143 after SIGTERM, 0 when nobody asked. The first wish decides. */
  get exitCode(): number {
    return this.#name ? EXIT_CODE[this.#name] : 0;
  }

  /** What was to stop has stopped, and the program goes on: a conversation after an answer that was cut short. */
  forget(): void {
    this.#name = undefined;
    this.#whenRequested = this.#pending();
  }

  request(name: StopName): void {
    this.#name ??= name;
    this.#request();
  }
}

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(name: StopName, listener: () => void): unknown;
  removeListener(name: StopName, listener: () => void): unknown;
}

export interface SignalHandling {
  /** the job will save and end by itself; otherwise the first signal leaves too */
  readonly graceful: boolean;
  /** called once, at a first signal that asks */
  onAsk(): void;
  /** ends the process now */
  leave(exitCode: number): void;
  /** milliseconds of a clock that never goes back */
  now(): number;
}

/** npm passes a terminal's Ctrl-C on to a child that has had it already: signals this close together are one. */
export const SAME_SIGNAL_MS = 500;

/** Listens until the returned function is called. */
export function catchSignals(source: SignalSource, signal: StopSignal, handling: SignalHandling): () => void {
  let last: number | undefined;
  const listener = (name: StopName) => () => {
    if (last !== undefined && handling.now() - last < SAME_SIGNAL_MS) return;
    const ask = handling.graceful && !signal.requested;
    last = handling.now();
    signal.request(name);
    if (ask) handling.onAsk();
    else handling.leave(EXIT_CODE[name]);
  };
  const listeners = [['SIGINT', listener('SIGINT')] as const, ['SIGTERM', listener('SIGTERM')] as const];
  for (const [name, each] of listeners) source.on(name, each);
  return () => {
    for (const [name, each] of listeners) source.removeListener(name, each);
  };
}
