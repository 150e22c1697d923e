// Takes the pictures of the demo page: the whole of it, then every chapter and every look inside, light and dark, wide and narrow, each
// of one run at the same step.
// `npm run pictures [FOLDER] [STEP] [TAB ...]`, by default into demo/pictures at about step 300, and all tabs. Some ten minutes.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { buildPage } from '../src/cli/demo/build.ts';
import { servePage } from '../src/cli/demo/serve.ts';
import { launchChromium } from '../src/cli/elsewhere/chromium.ts';
import { byteText } from '../src/cli/format.ts';
import { CHAPTER_SCENES, LOOKS, type Scene } from './page-scenes.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../demo/pictures', import.meta.url));
const step = Number(process.argv[3] ?? 300);
/** None: everything. */
const only = process.argv.slice(4);

/** Everything that decides the run: the same losses and samples on every machine with this adapter. */
const LINK =
  '?layers=2&heads=2&width=32&context=32&batch=8&steps=500&lr=0.01&minlr=0&warmup=50&schedule=cosine&wd=0.1&dropout=0&seed=1337&data=moby-dick';

/** A picture of the README takes no longer to load than its text. Bytes. */
const LARGEST = 200e3;

interface Look {
  width: number;
  height: number;
  scheme: 'light' | 'dark';
}

const WHOLE: readonly (Look & { name: string })[] = [
  { name: 'page-light', width: 1440, height: 900, scheme: 'light' },
  { name: 'page-dark', width: 1440, height: 900, scheme: 'dark' },
  { name: 'page-phone', width: 360, height: 780, scheme: 'light' },
];

const EACH: readonly (Look & { ending: string })[] = [
  { ending: 'light', width: 1280, height: 860, scheme: 'light' },
  { ending: 'dark', width: 1280, height: 860, scheme: 'dark' },
  { ending: 'phone', width: 390, height: 844, scheme: 'light' },
  { ending: 'phone-dark', width: 390, height: 844, scheme: 'dark' },
];

async function take(page: Page, file: string, { width, height, scheme }: Look, shows?: string): Promise<void> {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  await page.evaluate((wanted) => {
    scrollTo(0, 0);
    if (wanted === null) return;
    const bar = document.querySelector('#run')!.getBoundingClientRect().height;
    scrollTo(0, document.querySelector(wanted)!.getBoundingClientRect().top - bar - 8);
  }, shows ?? null);
  await page.waitForTimeout(500);
  const jpeg = file.endsWith('.jpg') && ({ type: 'jpeg', quality: 75 } as const);
  const { byteLength } = await page.screenshot({ path: file, ...jpeg });
  process.stderr.write(`${file}: ${byteText(byteLength)}\n`);
  if (byteLength > LARGEST) throw new Error(`${file}: ${byteLength} bytes, expected at most ${LARGEST}`);
}

async function takeAll(page: Page, scenes: readonly Scene[]): Promise<void> {
  const tabs = path.join(folder, 'tabs');
  fs.mkdirSync(tabs, { recursive: true });
  for (const { name, shows, arrange } of scenes) {
    if (only.length > 0 && !only.includes(name)) continue;
    await page.setViewportSize(EACH[0]!);
    await arrange(page);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    for (const look of EACH) await take(page, path.join(tabs, `${name}-${look.ending}.jpg`), look, shows);
  }
}

fs.mkdirSync(folder, { recursive: true });
const { files } = await buildPage();
const server = await servePage(files);
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: WHOLE[0]! });
  page.setDefaultTimeout(120_000);
  await page.goto(server.address + LINK);
  await page.waitForFunction((wanted) => Number(document.getElementById('run')?.dataset.step) >= wanted, step, {
    timeout: 600_000,
  });
  // The run holds, so that all pictures show the same.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('#run[data-state="paused"]').waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  if (only.length === 0)
    for (const { name, ...look } of WHOLE) await take(page, path.join(folder, `${name}.png`), look);
  await takeAll(page, LOOKS);
  // The open one, if there is one, closes by a second click.
  for (const open of await page.locator('#inside [role="tab"][aria-selected="true"]').all()) await open.click();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.locator('#run[data-state="done"]').waitFor({ timeout: 600_000 });
  await takeAll(page, CHAPTER_SCENES);
} finally {
  await browser.close();
  await server.close();
}
