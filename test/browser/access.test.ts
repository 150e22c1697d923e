// For everybody: by keyboard alone, read aloud, in light and dark, on a narrow screen.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What has the focus, its place in the document, and whether one sees that it has the focus. */
function focused(page: Visit): Promise<{ name: string; place: number; visible: boolean } | null> {
  return page.tab.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return null;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const seen = (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    const name = element.getAttribute('aria-label') ?? (element.textContent?.trim().slice(0, 30) || element.id);
    const place = [...document.querySelectorAll('*')].indexOf(element);
    return { name: `${element.tagName.toLowerCase()} ${name}`, place, visible: seen };
  });
}

/** Runs in the page before anything of it: keeps what is listened to for clicks and is no control by itself. */
const watchClicks = `globalThis.clicked = [];
const { addEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (type, ...given) {
  if (type === 'click' && this instanceof HTMLElement && this.matches('div, span, p, li')) globalThis.clicked.push(this);
  return addEventListener.call(this, type, ...given);
};`;

test('check 23: every control is reached by Tab, in order, with its focus seen, and keys do what the sheet says', async () => {
  const page = await visit('?run=0&steps=300', { beforePage: watchClicks });
  await page.state('waiting');
  const { tab } = page;
  const reachable = await tab.evaluate(() => {
    const controls = [...document.querySelectorAll<HTMLElement>('button, input, select, textarea, summary, a[href]')];
    const shown = controls.filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.tabIndex >= 0);
    const able = shown.filter((each) => !each.matches(':disabled') && !each.closest('dialog:not([open])'));
    return able.map((each) => [...document.querySelectorAll('*')].indexOf(each));
  });
  expect(reachable.length).toBeGreaterThan(20);
  const seen: number[] = [];
  for (;;) {
    await tab.keyboard.press('Tab');
    const now = await focused(page);
    if (!now) break;
    expect(now.visible, now.name).toBe(true);
    expect(now.place, `${now.name} stands behind the one before`).toBeGreaterThan(seen.at(-1) ?? -1);
    seen.push(now.place);
  }
  expect(reachable.filter((place) => !seen.includes(place))).toEqual([]);

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
  const silent = await tab.evaluate(() => {
    const { clicked } = globalThis as unknown as { clicked: HTMLElement[] };
    const inlined = document.querySelectorAll<HTMLElement>('div[onclick], span[onclick]');
    return [...clicked, ...inlined]
      .filter((each) => !each.closest('[role]'))
      .map((each) => each.outerHTML.slice(0, 80));
  });
  expect(silent).toEqual([]);
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

/** Serious faults that axe finds in the page as it stands. */
async function faults({ tab }: Visit): Promise<string[]> {
  // The page's policy lets no script in; the tool comes by the debugger, which is no part of the page.
  await tab.evaluate(axeSource);
  return tab.evaluate(async () => {
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
}

/** In light and dark, and without a scroll to the side. */
async function requireSound(page: Visit, ...widths: number[]): Promise<void> {
  const { tab } = page;
  for (const width of widths) {
    await tab.setViewportSize({ width, height: 800 });
    const sideways = () =>
      tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    // Charts follow at their next drawing.
    await expect.poll(sideways, { timeout: patience(2), message: `${width} px` }).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme });
      expect(await faults(page), `${width} px, ${colorScheme}`).toEqual([]);
    }
  }
}

/** States of the page by what leads there: a link, what its worker lacks, and what is done then. */
const STATES: { name: string; search: string; widths: number[]; beforeWorker?: string; lead(page: Visit): unknown }[] =
  [
    { name: 'training', search: '?steps=2000', widths: [1280, 360], lead: (page) => page.steps(12) },
    {
      name: 'done, with everything open and a step chosen',
      search: '?steps=20#step=7&x=time&y=log&open=text,file,numbers,log',
      widths: [1280, 360],
      lead: (page) => page.state('done'),
    },
    {
      name: 'failed, with notes of a bad link',
      search: '?lr=1e6&warmup=0&steps=30&width=-1&foo=1#x=weeks',
      widths: [1280, 360],
      lead: (page) => page.state('failed'),
    },
    { name: 'too large', search: '?layers=40&width=2048&heads=16', widths: [1280], lead: (page) => page.said('error') },
    {
      name: 'the panel of the adapter',
      search: '?run=0#open=adapter',
      widths: [1280, 360],
      lead: ({ tab }) => tab.getByRole('dialog').locator('visible=true').waitFor(),
    },
    {
      name: 'a setting without effect and one that cannot be, on a sheet',
      search: '?run=0&schedule=constant#open=settings',
      widths: [360],
      async lead({ tab }) {
        await tab.setViewportSize({ width: 360, height: 800 });
        await tab.locator('#set-heads').fill('3');
        await tab.keyboard.press('Tab');
        await tab.locator('.field.wrong').waitFor();
      },
    },
    {
      name: 'the self-check',
      search: '?run=0',
      widths: [1280],
      async lead({ tab }) {
        await tab.getByRole('button', { name: 'Check it' }).click();
        await tab.locator('[data-checked]').waitFor();
      },
    },
    {
      name: 'no WebGPU',
      search: '?steps=5',
      widths: [1280],
      beforeWorker: "Object.defineProperty(navigator, 'gpu', { value: undefined });",
      lead: ({ tab }) => tab.locator('[data-note]').waitFor(),
    },
  ];

for (const { name, search, widths, beforeWorker, lead } of STATES)
  test(`check 24: axe finds no serious fault, light and dark: ${name}`, async () => {
    const page = await visit(search, beforeWorker === undefined ? {} : { beforeWorker });
    await lead(page);
    await requireSound(page, ...widths);
    await page.close();
  });

for (const chapter of ['Load', 'Classify', 'Instruct', 'LoRA', 'DPO', 'Chat', 'Translate'])
  test(`check 24: axe finds no serious fault, light and dark: the chapter ${chapter}`, async () => {
    const page = await visit('?steps=20&seed=3');
    await page.state('done');
    await page.tab.getByRole('tab', { name: chapter, exact: true }).click();
    const shown = page.tab.locator('#lesson[data-prepared="yes"], #chat, #translate form').first();
    await shown.waitFor({ timeout: patience(60) });
    await requireSound(page, 1280, 360);
    await page.close();
  });

test('check 24: axe finds no serious fault, light and dark: a lesson that is done, its chat, and what it asks for on a sheet', async () => {
  const page = await visit('?steps=20&seed=3#tab=classify');
  await page.state('done');
  const { tab } = page;
  await tab.locator('#lesson[data-prepared="yes"]').waitFor({ timeout: patience(60) });
  await tab.getByRole('button', { name: 'Train', exact: true }).click();
  await tab.locator('#lesson[data-runs="classify"]').waitFor({ timeout: patience(60) });
  await page.steps(12);
  await tab.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.state('paused');
  await tab.locator('.try').getByRole('button', { name: 'Classify' }).click();
  await tab
    .locator('.try [data-probability]')
    .first()
    .waitFor({ timeout: patience(30) });
  await requireSound(page, 1280, 360);
  await tab.getByRole('button', { name: 'Text and settings' }).click();
  await tab.getByRole('dialog').locator('visible=true').waitFor();
  await requireSound(page, 360);
  await page.close();
});

for (const inside of ['tokens', 'attention', 'weights', 'lens', 'kernels'])
  test(`check 24: axe finds no serious fault, light and dark: a look inside, ${inside}`, async () => {
    const page = await visit(`?steps=20&seed=3#inside=${inside}`);
    await page.state('done');
    await page.said('answered', 60);
    await page.tab.locator('#inside-panel').getByText('loading').waitFor({ state: 'detached' });
    await requireSound(page, 1280, 360);
    await page.close();
  });

test('check 24: axe finds no serious fault, light and dark: a second tab, and the question what stopping means', async () => {
  const page = await visit('?steps=2000');
  await page.steps(1);
  const second = await visit('?steps=2000', { context: page.context });
  await second.said('error');
  await requireSound(second, 1280);
  await second.tab.close();
  await page.tab.getByRole('button', { name: 'Stop', exact: true }).click();
  await requireSound(page, 360);
  await page.close();
});
