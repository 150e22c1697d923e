// What a page does not do by itself: train where the browser saves data, in a tab that nobody sees, or on a text other than the
// link's; and that it asks for storage that stays no earlier than there is something to keep.
import { expect, test } from 'vitest';
import { useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

/** Whether nothing happens for a while. */
async function expectNoStep(page: Visit): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(page.losses()).toEqual([]);
}

test('where the browser saves data, the run waits for a click', async () => {
  const saving = `Object.defineProperty(navigator, 'connection', { value: { saveData: true } });`;
  const page = await visit('?steps=40', { beforeWorker: saving });
  await page.state('waiting');
  expect((await page.said('state')).waitsBecause).toBe('The browser saves data.');
  expect(await page.run.textContent()).toContain('waiting: the browser saves data');
  await expectNoStep(page);
  await page.tab.getByRole('button', { name: 'Start', exact: true }).click();
  await page.steps(2);
  await page.close();
});

test('in a hidden tab the run waits until somebody looks', async () => {
  const hidden = `globalThis.unseen = true;
    Object.defineProperty(document, 'hidden', { get: () => globalThis.unseen });`;
  const page = await visit('?steps=40', { beforePage: hidden });
  expect((await page.said('state')).waitsBecause).toBe('The tab was hidden.');
  await expectNoStep(page);
  await page.tab.evaluate(() => {
    (globalThis as unknown as { unseen: boolean }).unseen = false;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.steps(2);
  await page.close();
});

test('in a tab that is seen before its run is there, the run begins by itself', async () => {
  // Nothing is said of the run before the page is loaded.
  const seen = `let unseen = true;
    Object.defineProperty(document, 'hidden', { get: () => unseen });
    addEventListener('load', () => {
      unseen = false;
      document.dispatchEvent(new Event('visibilitychange'));
    });`;
  const page = await visit('?steps=40', { beforePage: seen });
  await page.steps(2);
  const because = page.news.flatMap((news) => (news.type === 'state' ? [news.waitsBecause] : []));
  expect(because[0]).toBe('The tab was hidden.');
  await page.close();
});

test('storage that stays is asked for once, by the page, at the first save', async () => {
  // Remembers which step was saved whenever it is asked for.
  const watched = `globalThis.asked = [];
    let saved = 0;
    StorageManager.prototype.persist = async () => asked.push(saved) > 0;
    globalThis.Worker = class extends Worker {
      constructor(...given) {
        super(...given);
        this.addEventListener('message', ({ data }) => { if (data.type === 'state') saved = data.savedStep; });
      }
    };`;
  const page = await visit('?steps=60', { beforePage: watched });
  await page.state('done');
  expect(await page.figure('saved')).toBe(60);
  expect(await page.tab.evaluate(() => (globalThis as unknown as { asked: number[] }).asked)).toEqual([25]);
  await page.close();
});

test('a link that is too long is left out as a whole, and told', async () => {
  const page = await visit(`?steps=7&foo=${'x'.repeat(2100)}`);
  const { settings, defaults, notes } = await page.said('ready');
  expect(settings).toEqual(defaults);
  expect(notes).toEqual([expect.stringMatching(/^link: found 21\d\d characters, expected at most 2048; left out\.$/)]);
  await page.steps(1);
  await page.close();
});

test('check 14: a link of different data says so, and nothing runs', async () => {
  const page = await visit('?steps=40&data=0123456789ab');
  const { notes, settings } = await page.said('ready');
  expect(notes).toEqual([expect.stringContaining('the text 0123456789ab is not here')]);
  expect(settings.data).toBe('moby-dick');
  await page.state('waiting');
  expect(await page.run.textContent()).toContain('different data');
  await expectNoStep(page);
  // On the book, if somebody wants it.
  await page.tab.getByRole('button', { name: 'Start', exact: true }).click();
  await page.steps(2);
  await page.close();
});
