// How the run is looked at: one cursor over everything, the view in the address, sheets on a narrow screen, reasons beside limits.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const cursor = (page: Visit) => page.tab.locator('[data-cursor]').getAttribute('data-cursor', { timeout: 1000 });
const hash = (page: Visit) => new URL(page.tab.url()).hash;

/** Steps at which the charts' cursor lines stand, read from their places. */
function lines(page: Visit): Promise<(number | null)[]> {
  return page.tab.locator('.plot .u-over').evaluateAll((plots) =>
    plots.map((plot) => {
      const line = plot.querySelector('.u-cursor-x')!;
      const at = (line.getBoundingClientRect().left - plot.getBoundingClientRect().left) / plot.clientWidth;
      return at < 0 || at > 1 || line.classList.contains('u-off') ? null : Math.round(20 * at);
    }),
  );
}

test('one cursor over curve, learning rate, gradient, samples and log, whichever one points at', async () => {
  const page = await visit('?steps=20&seed=3#open=log');
  const { tab } = page;
  await page.state('done');
  // What the page says then moves the charts.
  await tab.getByRole('button', { name: 'Go on to 40' }).waitFor();
  const loss = tab.locator('.plot.loss .u-over');
  const { width, height } = (await loss.boundingBox())!;
  await loss.hover({ position: { x: width * 0.6, y: height / 2 } });
  await expect.poll(() => cursor(page)).toBe('12');
  await expect.poll(() => lines(page)).toEqual([12, 12, 12]);
  const marked = tab.locator('#log [aria-current]');
  expect(await marked.getAttribute('data-line')).toBe('12');
  await expect.poll(() => tab.locator('[data-sample]').getAttribute('data-sample')).toBe('10');
  // The other way: from a line of the log to the charts.
  await tab.locator('#log [data-line="5"]').first().hover();
  await expect.poll(() => cursor(page)).toBe('5');
  await expect.poll(() => lines(page)).toEqual([5, 5, 5]);
  await tab.locator('h1').hover();
  await expect.poll(() => lines(page)).toEqual([null, null, null]);
  await page.close();
});

test('the marked line of a long log is in view', async () => {
  const page = await visit('?steps=150&seed=3#open=log&step=3');
  const { tab } = page;
  await page.state('done');
  const inView = () =>
    tab.locator('#log').evaluate((log) => {
      const [outer, inner] = [log.querySelector('pre')!, log.querySelector('[aria-current]')].map((each) =>
        each?.getBoundingClientRect(),
      );
      return inner !== undefined && inner.top >= outer!.top && inner.bottom <= outer!.bottom;
    });
  for (const step of [3, 75, 120]) {
    await tab.locator('.scrub input').fill(String(step));
    const marked = tab.locator('#log [aria-current]');
    await expect.poll(() => marked.getAttribute('data-line')).toBe(String(step));
    expect(await inView(), `step ${step}`).toBe(true);
  }
  expect(await tab.locator('#log [data-line]').count()).toBeLessThan(80);
  await page.close();
});

test('the view is in the address: a link shows it, Back and Forward lead through it, what is wrong is told', async () => {
  const page = await visit('?run=0&steps=30#x=tokens&y=log&open=numbers&step=abc&foo=1');
  const { tab } = page;
  await page.state('waiting');
  const by = tab.locator('#curve select');
  expect(await by.inputValue()).toBe('tokens');
  expect(await tab.getByLabel('logarithmic').isChecked()).toBe(true);
  const numbers = tab.locator('#curve details');
  expect(await numbers.getAttribute('open')).not.toBe(null);
  expect((await tab.locator('[data-note]').allTextContents()).map((note) => note.split(':')[0])).toEqual([
    '#step',
    '"#foo"',
  ]);
  await by.selectOption('time');
  await expect.poll(() => hash(page)).toBe('#x=time&y=log&open=numbers');
  await tab.getByText('Log', { exact: true }).click();
  await expect.poll(() => hash(page)).toBe('#x=time&y=log&open=numbers,log');
  await tab.goBack();
  await expect.poll(() => tab.locator('#log').getAttribute('open')).toBe(null);
  await tab.goBack();
  await expect.poll(() => by.inputValue()).toBe('tokens');
  await tab.goForward();
  await expect.poll(() => by.inputValue()).toBe('time');
  // One run all the while.
  expect(page.news.filter(({ type }) => type === 'ready').length).toBe(1);
  await page.close();
});

test('a moved cursor is no entry of the history, and stands there after a reload', async () => {
  const page = await visit('?steps=20');
  await page.state('done');
  const before = await page.tab.evaluate(() => history.length);
  await page.tab.locator('.scrub input').fill('7');
  await expect.poll(() => hash(page), { timeout: patience(3) }).toBe('#step=7');
  expect(await page.tab.evaluate(() => history.length)).toBe(before);
  await page.reload();
  await page.state('done');
  await expect.poll(() => cursor(page)).toBe('7');
  await page.close();
});

test('at 360 px settings and model are sheets: focus inside, Escape closes and gives it back', async () => {
  const page = await visit('?run=0&steps=30', { width: 360, height: 740 });
  const { tab } = page;
  await page.state('waiting');
  for (const [button, id] of [
    ['Text and settings', 'settings'],
    ['Model', 'model'],
  ]) {
    const opener = tab.getByRole('button', { name: button!, exact: true });
    const sheet = tab.locator(`dialog#${id}`);
    expect(await sheet.isVisible()).toBe(false);
    await opener.click();
    await sheet.waitFor();
    expect(hash(page)).toBe(`#open=${id}`);
    for (let i = 0; i < 60; i++) {
      await tab.keyboard.press('Tab');
      const outside = await tab.evaluate(
        (name) => document.activeElement !== document.body && !document.activeElement!.closest(`#${name}`),
        id!,
      );
      expect(outside).toBe(false);
    }
    await tab.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
    expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe(button);
  }
  await tab.goBack();
  await tab.locator('dialog#model').waitFor();
  await page.close();
});

test('at 360 px a restart closes the sheet, the bar is at the bottom, and what one touches is 44 px high', async () => {
  const page = await visit('?run=0&steps=30#open=log', { width: 360, height: 740 });
  const { tab } = page;
  await page.state('waiting');
  const { y, height } = (await page.run.boundingBox())!;
  expect(y + height).toBeCloseTo(740, 0);
  const small = () =>
    tab.evaluate(() => {
      const controls = [...document.querySelectorAll<HTMLElement>('button, input, select, textarea, summary')];
      const open = document.querySelector('dialog[open]');
      return controls
        .filter((each) => each.checkVisibility() && !each.matches('.unseen') && (!open || open.contains(each)))
        .map((each) => ((each as HTMLInputElement).type === 'checkbox' ? each.closest('label')! : each))
        .map((each) => ({ each, box: each.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 43.5 || box.width < 43.5)
        .map(({ each, box }) => `${each.outerHTML.slice(0, 80)} ${box.width} x ${box.height}`);
    });
  expect(await small()).toEqual([]);
  await tab.getByRole('button', { name: 'Text and settings' }).click();
  expect(await small()).toEqual([]);
  await tab.locator('#set-seed').fill('5');
  await tab.locator('form.settings').getByRole('button', { name: 'Restart' }).click();
  await tab.locator('dialog#settings').waitFor({ state: 'hidden' });
  await page.state('done');
  expect((await page.said('ready')).settings.seed).toBe(5);
  await page.close();
});

test('a limit stands beside its field, and a setting without effect says why', async () => {
  const page = await visit('?run=0&steps=30');
  const { tab } = page;
  await page.state('waiting');
  const told = async (name: string) => {
    const ids = (await tab.locator(`#set-${name}`).getAttribute('aria-describedby'))!.split(' ');
    return (await tab.locator(ids.map((id) => `#${id}`).join()).allTextContents()).join(' | ');
  };
  const { settings, defaults } = await page.said('ready');
  expect(await told('heads')).toContain(`divides the width, ${settings.width}`);
  expect(await told('context')).toMatch(/at most [\d,]+, by the length of the text/);
  expect(await told('warmupSteps')).toContain('at most the steps of the run, 30');
  expect(await told('steps')).toContain(`default ${defaults.steps}`);
  await tab.locator('#set-schedule').selectOption('constant');
  const last = tab.locator('#set-minLearningRate');
  expect(await last.getAttribute('aria-disabled')).toBe('true');
  expect(await told('minLearningRate')).toContain('without effect');
  await last.focus();
  await tab.keyboard.type('5');
  expect(await last.inputValue()).toBe(String(settings.minLearningRate));
  await tab.locator('#set-heads').fill('3');
  await tab.keyboard.press('Tab');
  expect(await tab.locator('#set-heads').getAttribute('aria-invalid')).toBe('true');
  expect(await told('heads')).toContain('expected a divisor of the width');
  await tab.getByRole('button', { name: /^heads: back to/ }).click();
  expect(await tab.locator('#set-heads').getAttribute('aria-invalid')).toBe('false');
  await tab.locator('#set-context').fill('1000000');
  await tab.keyboard.press('Tab');
  expect(await told('context')).toContain('context: found 1,000,000, expected at most');
  await page.close();
});

test('the words at the curve follow the run, and at its end offer what comes next', async () => {
  const page = await visit('?steps=60&seed=3');
  const { tab } = page;
  const story = tab.locator('[data-story]');
  await page.steps(1);
  const { vocabSize, references } = await page.said('text');
  await expect.poll(() => story.textContent()).toContain(`among ${vocabSize} characters`);
  expect(await story.textContent()).toContain(`ln ${vocabSize} = ${references.guessing.toFixed(2)}`);
  await tab.locator('[data-story="letters"]').waitFor({ timeout: patience(30) });
  expect(await story.textContent()).toContain(references.letters!.toFixed(2));
  await page.state('done');
  await tab.locator('[data-story="done"]').waitFor();
  expect(await story.textContent()).toMatch(/All 60 steps are done, validation loss \d\.\d{3}\. The run is saved\./);
  await tab.getByRole('button', { name: 'Change one thing' }).click();
  await expect.poll(() => tab.evaluate(() => document.activeElement?.id)).toBe('set-layers');
  await tab.getByRole('button', { name: 'Go on to 120' }).click();
  await page.steps(61);
  expect((await page.said('ready')).totalSteps).toBe(120);
  await page.close();
});
