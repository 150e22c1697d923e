// Running an entry in Chromium, headless: it is bundled, served on loopback and run in a module worker. The browser is the machine's
// own, or the one that comes by npm; playwright-core drives it. All three packages are for development, so each is asked for by name.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { InputError, RunError } from '../../errors.ts';
import { packagedChromium } from '../../runtime/platform/software.ts';
import { bundleForWorker } from './bundle.ts';
import { type EntryMessage, Inbox, type RunOptions, type RunResult } from './entry.ts';
import { readFileOf } from './files.ts';
import { serve } from './serve.ts';

export interface ChromiumOptions {
  /** Draw and compute on SwiftShader, whatever the machine has. Default: true on Linux. */
  software?: boolean | undefined;
  args?: readonly string[] | undefined;
}

const systemBrowsers = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Without the first there is no adapter; without the others the GPU process dies at the first WebGPU canvas. It takes all. */
const softwareArguments = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
];

/**
 * A headless browser with WebGPU: of CHROME_PATH, else the machine's, else unpacked from npm (3 s, once). Close it after use.
 * @throws InputError where a package is missing, with its install line
 */
export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const { chromium } = await needPlaywright();
  const { executable, env } = findChromium();
  const software = options.software ?? process.platform === 'linux';
  const args = ['--no-sandbox', ...(software ? softwareArguments : []), ...(options.args ?? [])];
  try {
    return await chromium.launch({ executablePath: executable, env: { ...cleanEnvironment(), ...env }, args });
  } catch (error) {
    const reason = String((error as Error).message)
      .split('\n')
      .slice(0, 3)
      .join(' ');
    throw new InputError(`${executable}: does not start (${reason}). Set CHROME_PATH to another Chrome or Chromium.`);
  }
}

/** The browser's program, and what its environment needs. @throws InputError as `launchChromium` */
export function findChromium(): { executable: string; env: Record<string, string> } {
  const set = process.env.CHROME_PATH;
  if (set && !existsSync(set))
    throw new InputError(`CHROME_PATH: ${set} does not exist, expected the program of Chrome or Chromium.`);
  const own = set || systemBrowsers.find((file) => existsSync(file));
  if (own) return { executable: own, env: {} };
  const { executable, libraries, fonts } = packagedChromium();
  return { executable, env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: fonts } };
}

/** See `runIn`. The browser is started for this run, or given. */
export async function runInChromium(
  entryFile: string,
  args: unknown,
  options: RunOptions & { browser?: Browser } = {},
): Promise<RunResult> {
  const files = await bundleForWorker(path.resolve(entryFile));
  const pages = new Map<string, string | Uint8Array>([
    ['/', page],
    ['/args.json', JSON.stringify(args ?? null)],
    ...files,
  ]);
  const browser = options.browser ?? (await launchChromium());
  const server = await serve(pages, readFileOf(options.files));
  const inbox = new Inbox('Chromium', options);
  try {
    const context = await browser.newContext();
    const tab = await context.newPage();
    const gone = (what: string) => () => inbox.fail(new RunError(`Chromium: ${what} before there was a result.`));
    tab.on('crash', gone('the page crashed'));
    tab.on('close', gone('the page was closed'));
    if (!options.quiet) tab.on('console', (message) => process.stderr.write(`${message.text()}\n`));
    tab.on('pageerror', (error) => inbox.fail(error));
    await tab.exposeFunction('report', (message: EntryMessage) => inbox.receive(message));
    await tab.goto(server.address);
    const result = await inbox.done;
    await context.close();
    return result;
  } finally {
    if (!options.browser) await browser.close();
    await server.close();
  }
}

const page = `<!doctype html><title>shaderformer</title><script type="module">
const worker = new Worker('/worker.js', { type: 'module' });
const fail = (message) => report({ error: { name: 'Error', message } });
// One after the other, so that lines arrive in order.
let last = Promise.resolve();
worker.onmessage = ({ data }) => { last = last.then(() => report(data)); };
worker.onerror = (event) => fail(event.message ?? 'the worker does not load');
worker.postMessage(await (await fetch('/args.json')).json());
</script>`;

async function needPlaywright() {
  try {
    return await import('playwright-core');
  } catch {
    throw new InputError(
      'playwright-core: not installed, and it drives the browser. Install it: npm install --save-dev playwright-core@1.65.1',
    );
  }
}

// A driver variable that Node's ladder has set can leave Chromium without an adapter.
function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name, value]) => value !== undefined && !name.startsWith('VK_'));
  return Object.fromEntries(kept) as Record<string, string>;
}
