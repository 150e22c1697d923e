// For everybody: by keyboard alone, read aloud, in light and dark, on a narrow screen.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What has the focus, and whether one sees that it has. */
function focused(page: Visit): Promise<{ name: string; visible: boolean } | null> {
  return page.tab.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return null;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const seen = (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    const name = element.getAttribute('aria-label') ?? (element.textContent?.trim().slice(0, 30) || element.id);
    return { name: `${element.tagName.toLowerCase()} ${name}`, visible: seen };
  });
}

test('check 23: every control is reached by Tab with its focus seen, and keys do what the sheet says', async () => {
  const page = await visit('?run=0&steps=300');
  await page.state('waiting');
  const { tab } = page;
  const reachable = await tab.evaluate(() => {
    const controls = [...document.querySelectorAll<HTMLElement>('button, input, select, textarea, summary, a[href]')];
    const shown = controls.filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.tabIndex >= 0);
    return shown.filter((each) => !each.matches(':disabled') && !each.closest('dialog:not([open])')).length;
  });
  const seen: string[] = [];
  for (let i = 0; i < reachable + 5; i++) {
    await tab.keyboard.press('Tab');
    const now = await focused(page);
    if (!now) break;
    expect(now.visible, now.name).toBe(true);
    seen.push(now.name);
  }
  expect(seen.length).toBeGreaterThanOrEqual(reachable);

  await tab.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tab.keyboard.press('s');
  await page.steps(1);
  await page.state('paused');
  expect(await page.figure('step')).toBe(1);
  await tab.keyboard.press('Space');
  await page.steps(5);
  await tab.keyboard.press('Space');
  await page.state('paused');
  await tab.keyboard.press('?');
  const sheet = tab.getByRole('dialog').locator('visible=true');
  await sheet.waitFor();
  await tab.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  const silent = await tab.evaluate(() => document.querySelectorAll('div[onclick], span[onclick]').length);
  expect(silent).toBe(0);
  await page.close();
});

test('check 24: the live region speaks at most once in 10 s', async () => {
  const page = await visit('?steps=400');
  await page.steps(1);
  const changes = await page.tab.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const times: number[] = [];
        const region = document.querySelector('[aria-live="polite"]')!;
        const watch = () => times.push(performance.now());
        new MutationObserver(watch).observe(region, { childList: true, characterData: true, subtree: true });
        setTimeout(() => resolve(times), 22_000);
      }),
  );
  expect(changes.length).toBeGreaterThan(0);
  for (let i = 1; i < changes.length; i++) expect(changes[i]! - changes[i - 1]!).toBeGreaterThan(9000);
  await page.close();
});

for (const dark of [false, true])
  test(`check 24: axe finds no serious fault, ${dark ? 'dark' : 'light'}, wide and at 360 px`, async () => {
    const page = await visit('?steps=2000', { dark });
    const { tab } = page;
    await page.steps(12);
    for (const width of [1280, 360]) {
      await tab.setViewportSize({ width, height: 800 });
      const sideways = () =>
        tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      // Charts follow at their next drawing.
      await expect.poll(sideways, { timeout: patience(2), message: `${width} px` }).toBe(0);
      // The page's policy lets no script in; the tool comes by the debugger, which is no part of the page.
      await tab.evaluate(axeSource);
      const faults = await tab.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
        const { violations } = await axe.run();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
        interface Violation {
          id: string;
          impact: string;
          nodes: { html: string }[];
        }
      });
      expect(faults, `${width} px`).toEqual([]);
    }
    await page.close();
  });
