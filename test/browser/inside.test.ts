// Looking inside a run: its tokens and losses, its attention as a map, lines and a table, its lens; and that looking leaves it as it is.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const hash = (page: Visit) => new URL(page.tab.url()).hash;
const tab = (page: Visit, name: string) => page.tab.locator(`#tab-${name}`);
/** Waits for what is seen of a step. */
const seen = (page: Visit, step: number) =>
  page.tab.locator(`#inside [data-seen="${step}"]`).waitFor({ timeout: patience(20) });

/** The table of one head: its rows by their weights. */
async function weights(page: Visit): Promise<number[][]> {
  const rows = page.tab.locator('#inside .weights [data-row]');
  await rows.first().waitFor();
  return rows.evaluateAll((found) =>
    found.map((row) =>
      [...row.querySelectorAll('[data-weight]')].map((cell) => Number(cell.getAttribute('data-weight'))),
    ),
  );
}

test('check 18: attention, two layers of two heads: every row sums to 1 and looks at nothing ahead; a link opens any of them', async () => {
  const page = await visit('?steps=20&seed=3&layers=2&heads=2#inside=attention&layer=1&head=1');
  await page.state('done');
  await seen(page, 20);
  const shown = page.tab.locator('[data-attention]');
  expect(await shown.getAttribute('data-attention')).toBe('1 1');
  const T = Number(await shown.getAttribute('data-tokens'));
  await page.tab.locator('#inside summary').click();
  const maps = new Set<string>();
  for (const layer of [0, 1]) {
    await page.tab.locator('#inside select').selectOption(String(layer));
    for (const head of [0, 1]) {
      await page.tab.locator('.heads button').nth(head).click();
      await page.tab.locator(`[data-attention="${layer} ${head}"]`).waitFor({ timeout: patience(20) });
      const rows = await weights(page);
      expect(rows.length).toBe(T);
      for (const [i, row] of rows.entries()) {
        expect(row.length).toBe(T);
        expect(Math.abs(row.reduce((sum, weight) => sum + weight, 0) - 1)).toBeLessThan(1e-4);
        expect(row.slice(i + 1).every((weight) => weight === 0)).toBe(true);
      }
      maps.add(JSON.stringify(rows));
    }
  }
  expect(maps.size).toBe(4);
  await expect.poll(() => hash(page)).toBe('#inside=attention&layer=1&head=1');
  expect(page.faults).toEqual([]);
  await page.close();
});

test('attention: a layer and a head that are not there become the last; tokens are chosen by click, shift and arrows', async () => {
  const page = await visit('?steps=20&seed=3&layers=2&heads=2#inside=attention&layer=7&head=9');
  await page.state('done');
  await page.tab.locator('[data-attention="1 1"]').waitFor({ timeout: patience(20) });
  await expect.poll(() => hash(page)).toBe('#inside=attention&layer=1&head=1');
  const tokens = page.tab.locator('.sight [role="option"]');
  const chosen = () =>
    tokens.evaluateAll((all) => all.flatMap((each, i) => (each.getAttribute('aria-selected') === 'true' ? [i] : [])));
  const looked = page.tab.locator('[data-looked]');
  await tokens.nth(5).click();
  expect(await chosen()).toEqual([5]);
  expect(await looked.textContent()).toMatch(/^6 . looks most at \d+ . 0\.\d\d, /);
  const shares = page.tab.locator('.sight [data-share]');
  const given = await shares.evaluateAll((all) => all.map((each) => Number(each.getAttribute('data-share'))));
  expect(given.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
  await tokens.nth(8).click({ modifiers: ['Shift'] });
  expect(await chosen()).toEqual([5, 8]);
  await page.tab.keyboard.press('ArrowDown');
  expect(await chosen()).toEqual([9]);
  await page.tab.keyboard.press('Shift+ArrowUp');
  expect(await chosen()).toEqual([8, 9]);
  await page.tab.keyboard.press('Escape');
  expect(await chosen()).toEqual([]);
  await page.tab.locator('.held canvas').click({ position: { x: 4, y: 4 } });
  expect(await chosen()).toEqual([0]);
  // Two views of one number: the map's row and the table's.
  await page.tab.locator('#inside summary').click();
  expect((await weights(page)).map((row) => row[0])).toEqual([1]);
  await page.close();
});

test('tokens: the losses have the mean that is shown, a token opens its guesses, a typed text takes the place of the example', async () => {
  const page = await visit('?steps=20&seed=3#inside=tokens');
  await page.state('done');
  await seen(page, 20);
  const inside = page.tab.locator('#inside [data-count]');
  await page.tab.locator('#inside summary').click();
  const losses = () =>
    page.tab
      .locator('[data-token-loss]')
      .evaluateAll((all) => all.map((each) => Number(each.getAttribute('data-token-loss'))));
  const mean = (all: number[]) => all.reduce((sum, loss) => sum + loss, 0) / all.length;
  await expect.poll(async () => (await losses()).length).toBe(Number(await inside.getAttribute('data-count')) - 1);
  expect(mean(await losses())).toBeCloseTo(Number(await inside.getAttribute('data-loss')), 6);
  const tokens = page.tab.locator('#inside [role="option"]');
  await tokens.nth(4).focus();
  await tokens.nth(4).press('Enter');
  const one = page.tab.locator('[data-token="4"]');
  expect(Number(await one.getAttribute('data-loss'))).toBeCloseTo((await losses())[3]!, 9);
  const guesses = await one
    .locator('[data-guess]')
    .evaluateAll((all) => all.map((each) => Number(each.getAttribute('data-probability'))));
  expect(guesses.length).toBeGreaterThan(3);
  expect(guesses).toEqual([...guesses].sort((a, b) => b - a));
  await page.tab.keyboard.press('ArrowRight');
  await page.tab.locator('[data-token="5"]').waitFor();

  const box = page.tab.getByLabel('Text to look at');
  await box.fill('the whale');
  await box.press('Enter');
  await expect
    .poll(async () => (await tokens.allTextContents()).join(''), { timeout: patience(10) })
    .toBe('the\u00b7whale');
  expect(mean(await losses())).toBeCloseTo(Number(await inside.getAttribute('data-loss')), 6);
  await box.fill('\u4e16');
  await box.press('Enter');
  await expect
    .poll(() => page.tab.locator('#inside .problem').textContent(), { timeout: patience(10) })
    .toContain('\u4e16');
  expect(page.faults).toEqual([]);
  await page.close();
});

test('lens: a row for the embedding and each layer, and the last guesses what the whole model does', async () => {
  const page = await visit('?steps=20&seed=3&layers=2#inside=lens');
  await page.state('done');
  await seen(page, 20);
  const rows = page.tab.locator('.lens tbody tr');
  expect(await rows.count()).toBe(3);
  const guess = (row: number, at: number) => rows.nth(row).locator('[data-guess]').nth(at);
  const last = await guess(2, 3).getAttribute('data-guess');
  const probability = Number(await guess(2, 3).getAttribute('data-probability'));
  await guess(1, 3).click();
  await page.tab.locator('[data-cell="1 3"]').waitFor();
  await page.tab.keyboard.press('ArrowDown');
  const listed = page.tab.locator('[data-cell="2 3"] [data-guess]');
  await listed.first().waitFor();
  expect(await listed.count()).toBeGreaterThan(3);
  expect(await listed.first().getAttribute('data-guess')).toBe(last);
  await tab(page, 'tokens').click();
  await page.tab.locator('#inside [role="option"]').nth(4).click();
  const whole = page.tab.locator('[data-token="4"] [data-guess]').first();
  expect(await whole.getAttribute('data-guess')).toBe(last);
  expect(Number(await whole.getAttribute('data-probability'))).toBeCloseTo(probability, 5);
  await page.close();
});

test('looking leaves the run as it is, to the last bit of its weights, and no memory behind', async () => {
  const plain = await visit('?steps=40&seed=3');
  await plain.state('done');
  const untouched = await plain.hash();
  await plain.close();
  expect(untouched).not.toBe('');

  const page = await visit('?steps=40&seed=3#inside=tokens');
  await page.tab.locator('#inside [data-seen]').waitFor({ timeout: patience(20) });
  await page.steps(31);
  await page.tab.getByRole('button', { name: 'Pause' }).click();
  await page.state('paused');
  const step = await page.figure('step');
  const live = async () => {
    const before = page.news.length;
    const now = await page.figure('step');
    await page.tab.getByRole('button', { name: 'Step', exact: true }).click();
    await page.steps(now + 1);
    await page.state('paused');
    const told = () => page.news.slice(before).findLast((news) => news.type === 'measured');
    await expect.poll(told, { timeout: patience(10) }).toBeDefined();
    const found = told();
    return found?.type === 'measured' ? found.bytes : 0;
  };
  await tab(page, 'tokens').click();
  expect(await page.tab.locator('#inside [data-seen]').count()).toBe(0);
  const before = await live();
  for (const name of ['attention', 'lens', 'tokens']) {
    await tab(page, name).click();
    await seen(page, step + 1);
  }
  const during = await live();
  expect(during).toBeGreaterThan(before);
  await tab(page, 'tokens').click();
  expect(await live()).toBe(before);
  await tab(page, 'lens').click();
  await page.tab.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.state('done');
  expect(await page.hash()).toBe(untouched);
  await page.close();
});

test('at 360 px nothing scrolls sideways but what is wide in itself', async () => {
  const page = await visit('?steps=20&seed=3', { width: 360, height: 740 });
  await page.state('done');
  for (const name of ['tokens', 'attention', 'lens']) {
    await tab(page, name).click();
    await seen(page, 20);
    if (name !== 'lens') await page.tab.locator('#inside summary').click();
    expect(await page.tab.evaluate(() => document.documentElement.scrollWidth - innerWidth), name).toBeLessThanOrEqual(
      0,
    );
    const small = await page.tab
      .locator('#inside')
      .locator('button, input, select, summary')
      .evaluateAll((all) =>
        all.flatMap((each) => {
          const { width, height } = each.getBoundingClientRect();
          return width < 43.5 || height < 43.5 ? [`${each.outerHTML.slice(0, 80)} ${width} x ${height}`] : [];
        }),
      );
    expect(small, name).toEqual([]);
  }
  expect(page.faults).toEqual([]);
  await page.close();
});
