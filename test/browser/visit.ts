// A visit to the page: a tab of its own browser profile, what its worker says, and the waits that tests need. A test that fails leaves a
// picture of the page.
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Command, News } from '../../demo/protocol.ts';
import { launchChromium } from '../../src/cli/elsewhere/chromium.ts';
import type { StepEvent } from '../../src/train/events.ts';

/** Where the pictures go. */
const PICTURES = path.join(os.tmpdir(), 'shaderformer-browser');

/** Runs in the page before anything of it: keeps what the worker says, by sending it to the test too. */
function listen(): void {
  const page = globalThis as unknown as { Worker: typeof Worker; worker: Worker; told(news: unknown): void };
  const Native = page.Worker;
  page.Worker = class extends Native {
    constructor(address: string | URL, options?: WorkerOptions) {
      super(address, options);
      page.worker = this;
      this.addEventListener('message', ({ data }) => {
        page.told(data.type === 'exported' ? { ...data, bytes: [...data.bytes] } : data);
      });
    }
  };
}

export interface VisitOptions {
  /** A profile with what earlier visits saved; by default a new one. */
  context?: BrowserContext;
  /** Text put before the worker's script. */
  beforeWorker?: string;
  /** A script that runs in the page before any of its own. */
  beforePage?: string;
  width?: number;
  height?: number;
  dark?: boolean;
}

export class Visit {
  readonly tab: Page;
  readonly context: BrowserContext;
  /** What the worker said since the page was loaded. */
  news: News[] = [];
  /** Errors of the console and of scripts, refusals of the policy, and requests that leave the page's own address. */
  readonly faults: string[] = [];

  constructor(tab: Page) {
    this.tab = tab;
    this.context = tab.context();
  }

  get run(): Locator {
    return this.tab.locator('#run');
  }

  /** A number that the page shows in an attribute of its run bar; NaN where it has none. */
  async figure(name: string): Promise<number> {
    return Number((await this.run.getAttribute(`data-${name}`)) ?? Number.NaN);
  }

  async hash(): Promise<string> {
    return (await this.run.getAttribute('data-hash')) ?? '';
  }

  /** Waits for a state of the run bar. */
  async state(wanted: string, seconds = 60): Promise<void> {
    await this.tab.locator(`#run[data-state="${wanted}"]`).waitFor({ timeout: patience(seconds), state: 'attached' });
  }

  /** Waits until so many steps are shown. */
  async steps(least: number, seconds = 60): Promise<void> {
    const shown = (n: number) => Number(document.querySelector('#run')?.getAttribute('data-step')) >= n;
    await this.tab.waitForFunction(shown, least, { timeout: patience(seconds), polling: 50 });
  }

  /** The last news of a kind; waits for the first. */
  async said<T extends News['type']>(type: T, seconds = 60): Promise<Extract<News, { type: T }>> {
    const found = () => this.news.findLast((news) => news.type === type) as Extract<News, { type: T }> | undefined;
    await expect.poll(found, { timeout: patience(seconds), interval: 50 }).toBeDefined();
    return found()!;
  }

  /** Losses of the steps since the page was loaded, in their order. */
  losses(): number[] {
    const events = this.news.flatMap((news) => (news.type === 'event' ? [news.event] : []));
    return events.filter((event): event is StepEvent => event.event === 'step').map(({ loss }) => loss);
  }

  send(command: Command): Promise<void> {
    return this.tab.evaluate((sent) => (globalThis as unknown as { worker: Worker }).worker.postMessage(sent), command);
  }

  /** Loads the page anew, as a visitor does. */
  async reload(): Promise<void> {
    this.news = [];
    await this.tab.reload();
  }

  async goto(search: string): Promise<void> {
    this.news = [];
    await this.tab.goto(address(search));
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

export function address(search: string): string {
  return process.env.SHADERFORMER_PAGE! + search;
}

/** Milliseconds for what takes so many seconds on two cores that do nothing else; more where others compute too. */
export function patience(seconds: number): number {
  const load = os.loadavg()[0]! / os.availableParallelism();
  return 1000 * seconds * Math.min(10, Math.max(1, load));
}

let browser: Browser;
const open = new Set<Visit>();

/**
 * Gives a test file its browser, and takes the pictures. Called at its top. A page that a failed test leaves is closed, so that it
 * takes no time from the next, unless the tests of the file share one visit.
 */
export function useBrowser({ sharedVisit = false } = {}): void {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    mkdirSync(PICTURES, { recursive: true });
    for (const [i, { tab }] of [...open].entries()) {
      const file = path.join(PICTURES, `${task.name.replace(/[^\w]+/g, '-').slice(0, 60)}-${i}.png`);
      await tab.screenshot({ path: file, fullPage: true }).catch(() => {});
      console.log(`The page when "${task.name}" failed: ${file}`);
    }
    if (!sharedVisit) for (const left of [...open]) await left.close().catch(() => {});
  });
  afterAll(async () => {
    await browser.close();
  });
}

/** Opens the page. @param search `?steps=200` */
export async function visit(search = '', options: VisitOptions = {}): Promise<Visit> {
  const { width = 1280, height = 900, dark = false } = options;
  const colorScheme = dark ? 'dark' : 'light';
  const context = options.context ?? (await browser.newContext({ viewport: { width, height }, colorScheme }));
  const found = new Visit(await context.newPage());
  open.add(found);
  const { tab } = found;
  tab.on('close', () => open.delete(found));
  tab.on('console', (message) => message.type() === 'error' && found.faults.push(`console: ${message.text()}`));
  tab.on('pageerror', (error) => found.faults.push(`script: ${error.message}`));
  tab.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (/^https?:$/.test(protocol) && origin !== new URL(address('')).origin)
      found.faults.push(`request: ${request.url()}`);
  });
  await tab.exposeFunction('told', (news: News) => found.news.push(news));
  await tab.addInitScript(listen);
  if (options.beforePage !== undefined) await tab.addInitScript(options.beforePage);
  if (options.beforeWorker !== undefined) {
    await tab.route('**/worker.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${options.beforeWorker}\n${await response.text()}` });
    });
  }
  await tab.goto(address(search));
  return found;
}
