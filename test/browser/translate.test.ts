// The translator beside the run: fetched when it is asked for, in French, with its table; the run does not notice.
import { expect, test } from 'vitest';
import { patience, useBrowser, visit } from './visit.ts';

useBrowser();

test('the card translates its message while the run trains, shows where each token looked, and the run ends as it would', async () => {
  const link = '?steps=20&seed=3';
  const plain = await visit(link);
  await plain.state('done');
  const hash = await plain.hash();
  await plain.close();

  const page = await visit(link);
  const { tab } = page;
  const fetched: string[] = [];
  tab.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await tab.getByText('Translate', { exact: true }).click();
  const card = tab.locator('#translate');
  await page.said('ready');
  expect(fetched.filter((name) => name.includes('/models/'))).toEqual([]);
  await card.getByRole('button', { name: 'Translate' }).click();
  await card.locator('[data-translated="done"]').waitFor({ timeout: patience(60) });
  expect(await card.locator('[data-text]').textContent()).toBe("Impossible d'assigner le type '{0}' au type '{1}'.");
  const rows = await card
    .locator('tbody tr')
    .evaluateAll((found) =>
      found.map((row) => [...row.querySelectorAll<HTMLElement>('td')].map((cell) => Number(cell.dataset.weight))),
    );
  await tab.setViewportSize({ width: 360, height: 740 });
  expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  expect(rows.length).toBeGreaterThan(5);
  for (const row of rows) expect(row.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 4);
  await card.getByRole('button', { name: '·type' }).first().click();
  expect(await card.locator('tr.chosen [data-weight]').count()).toBe(rows[0]!.length);
  expect(await card.locator('[data-looked]').textContent()).toMatch(/^·type looked most at \S+ 0\.\d\d, /);
  await card.locator('select').selectOption({ label: 'head 2' });
  expect(await card.locator('[data-alignment]').getAttribute('data-alignment')).toBe('head 2');
  await page.state('done');
  expect(await page.hash()).toBe(hash);
  expect(page.faults).toEqual([]);
  await page.close();
});
