// The page's worker in Node: commands go in, news come out, and what is saved is kept in memory as in a browser's private file system.
import type { Command, News } from '../../demo/protocol.ts';
import { Visit } from '../../demo/worker/visit.ts';
import { MemoryDisk, MemoryFolder } from './memory_opfs.ts';

type Of<T extends News['type']> = Extract<News, { type: T }>;

/** Longer than anything here takes on a busy machine. Milliseconds. */
const PATIENCE = 100_000;

/** @param files what lies beside the page, by path */
export function standIn(files: ReadonlyMap<string, string>): () => void {
  const root = new MemoryFolder(new MemoryDisk());
  const here = 'http://page.test/';
  const served = async (address: URL | string) => {
    const text = files.get(new URL(address).pathname.slice(1));
    return text === undefined ? new Response('', { status: 404 }) : new Response(text);
  };
  const globals: Record<string, unknown> = {
    navigator: { storage: { getDirectory: async () => root }, userAgent: 'a test' },
    location: { href: here },
    fetch: served,
  };
  const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    for (const [name, descriptor] of before)
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete (globalThis as Record<string, unknown>)[name];
  };
}

/** One worker and all that it has said. */
export class PageVisit {
  readonly news: News[] = [];
  readonly #visit: Visit;
  #heard: () => void = () => {};

  constructor() {
    this.#visit = new Visit((said) => {
      // As a message is: a copy.
      this.news.push(structuredClone(said));
      this.#heard();
    });
  }

  send(command: Command): void {
    this.#visit.handle(structuredClone(command));
  }

  /** The first news of a type since `from` that fits. @throws with the last error of the page where none comes */
  async said<T extends News['type']>(type: T, from = 0, fits: (news: Of<T>) => boolean = () => true): Promise<Of<T>> {
    const until = Date.now() + PATIENCE;
    for (let at = from; ; ) {
      for (; at < this.news.length; at++) {
        const said = this.news[at]!;
        if (said.type === type && fits(said as Of<T>)) return said as Of<T>;
        if (said.type === 'error' && type !== 'error') throw new Error(`the page said: ${said.sentence}`);
      }
      if (Date.now() > until) throw new Error(`no news of the type ${type}`);
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#heard = resolve;
        }),
        new Promise((resolve) => setTimeout(resolve, 1000)),
      ]);
    }
  }

  /** Sends a command and waits for an answer. */
  ask<T extends News['type']>(command: Command, type: T, fits?: (news: Of<T>) => boolean): Promise<Of<T>> {
    const from = this.news.length;
    this.send(command);
    return this.said(type, from, fits);
  }

  /** What was told of a run since `from`. */
  events(from = 0) {
    return this.news.slice(from).flatMap((said) => (said.type === 'event' ? [said.event] : []));
  }
}
