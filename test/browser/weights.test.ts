// Weights, gradients and activations on the page: a picture with numbers, a number opened, and a run that none of it changes.
import { expect, test } from 'vitest';
import { useBrowser, visit } from './visit.ts';

useBrowser();

test('a gradient is shown with its numbers, one of them opened is the sum of its products, and the run ends as ever', async () => {
  const plain = await visit('?steps=30&seed=3');
  await plain.state('done', 120);
  const expected = await plain.hash();
  await plain.close();

  const page = await visit('?steps=30&seed=3#inside=weights');
  const { tab } = page;
  const map = tab.locator('.heat');
  await map.waitFor({ timeout: 60_000 });
  await tab.getByRole('radio', { name: 'Gradients' }).check();
  const name = 'transformer.h.0.attn.c_attn.weight';
  await tab.locator('.values select').selectOption(name);
  await tab.locator(`.values[data-tensor="${name}"] .heat[data-pool="1x1"]`).waitFor({ timeout: 60_000 });
  for (const statistic of ['least', 'most', 'mean', 'deviation'])
    expect(await tab.locator(`[data-statistic="${statistic}"] dd`).textContent()).toMatch(/^-?\d/);
  // A picture by keys alone: the first shows where one is, the next lead on.
  await map.focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await tab.keyboard.press(key);
  await page.state('done', 120);
  expect(await map.getAttribute('aria-valuetext')).toMatch(/^row 1, column 1: -?\d/);
  const cell = tab.locator('[data-cell="1,1"]');
  await cell.waitFor({ timeout: 60_000 });
  const product = cell.locator('.product');
  expect(await product.getAttribute('data-agrees')).toBe('true');
  const [sum, value] = [await product.getAttribute('data-sum'), await cell.getAttribute('data-value')].map(Number);
  expect(Math.abs(sum! - value!)).toBeLessThan(1e-5);
  await tab.locator('.values .numbers summary').click();
  const here = tab.locator('.values .numbers td[aria-current]');
  const shown = Number(await here.textContent());
  expect(Math.abs(shown - value!)).toBeLessThanOrEqual(0.006 * Math.abs(value!));
  // Closed: what was made for it is given back, and the run is the one that nobody looked into.
  await tab.getByRole('tab', { name: 'Weights and gradients' }).click();
  await expect.poll(() => map.count()).toBe(0);
  expect(await page.hash()).toBe(expected);
  expect(page.faults).toEqual([]);
  await page.close();
});
