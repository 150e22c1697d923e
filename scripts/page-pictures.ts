// Takes the pictures of the demo page: light, dark, a phone and a large screen, each of a run at the same step.
// `npx tsx scripts/page-pictures.ts [FOLDER] [STEP]`, by default into demo/pictures at step 400. About two minutes.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildPage } from '../src/cli/demo/build.ts';
import { servePage } from '../src/cli/demo/serve.ts';
import { launchChromium } from '../src/cli/elsewhere/chromium.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../demo/pictures', import.meta.url));
const step = Number(process.argv[3] ?? 400);

const pictures = [
  { name: 'page-light', width: 1440, height: 1000, scheme: 'light' },
  { name: 'page-dark', width: 1440, height: 1000, scheme: 'dark' },
  { name: 'page-phone', width: 360, height: 780, scheme: 'light' },
  { name: 'page-large', width: 3840, height: 2160, scheme: 'dark' },
] as const;

fs.mkdirSync(folder, { recursive: true });
const { files } = await buildPage();
const server = await servePage(files);
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: pictures[0] });
  await page.goto(server.address);
  await page.waitForFunction((wanted) => Number(document.getElementById('run')?.dataset.step) >= wanted, step, {
    timeout: 600_000,
  });
  // The run holds, so that all pictures show the same.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('#run[data-state="paused"]').waitFor();
  for (const { name, width, height, scheme } of pictures) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(500);
    const file = path.join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    process.stderr.write(`${file}\n`);
  }
} finally {
  await browser.close();
  await server.close();
}
