// Takes the pictures of the demo page: light, dark and on a phone, each of one run at the same step.
// `npm run pictures [FOLDER] [STEP]`, by default into demo/pictures at about step 300. About a minute.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildPage } from '../src/cli/demo/build.ts';
import { servePage } from '../src/cli/demo/serve.ts';
import { launchChromium } from '../src/cli/elsewhere/chromium.ts';
import { byteText } from '../src/cli/format.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../demo/pictures', import.meta.url));
const step = Number(process.argv[3] ?? 300);

/** Everything that decides the run: the same losses and samples on every machine with this adapter. */
const LINK =
  '?layers=2&heads=2&width=32&context=32&batch=8&steps=500&lr=0.01&minlr=0&warmup=50&schedule=cosine&wd=0.1&dropout=0&seed=1337&data=moby-dick';

/** A picture of the README takes no longer to load than its text. Bytes. */
const LARGEST = 200e3;

const pictures = [
  { name: 'page-light', width: 1440, height: 900, scheme: 'light' },
  { name: 'page-dark', width: 1440, height: 900, scheme: 'dark' },
  { name: 'page-phone', width: 360, height: 780, scheme: 'light' },
] as const;

fs.mkdirSync(folder, { recursive: true });
const { files } = await buildPage();
const server = await servePage(files);
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: pictures[0] });
  await page.goto(server.address + LINK);
  await page.waitForFunction((wanted) => Number(document.getElementById('run')?.dataset.step) >= wanted, step, {
    timeout: 600_000,
  });
  // The run holds, so that all pictures show the same.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('#run[data-state="paused"]').waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (const { name, width, height, scheme } of pictures) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(500);
    const file = path.join(folder, `${name}.png`);
    const { byteLength } = await page.screenshot({ path: file });
    process.stderr.write(`${file}: ${byteText(byteLength)}\n`);
    if (byteLength > LARGEST) throw new Error(`${file}: ${byteLength} bytes, expected at most ${LARGEST}`);
  }
} finally {
  await browser.close();
  await server.close();
}
