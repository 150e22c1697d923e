// A GPU that is lost in the midst of a run: the page says so in a sentence, and one button later the run ends as if nothing had been.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const LINK = '?steps=60&seed=17';

/** Destroys the worker's GPU device, once, as soon as it tells a piece of news. @param when a function of the news and of the last step */
function loseAt(when: string): string {
  return `{
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...given) {
      return (globalThis.device = await requestDevice.apply(this, given));
    };
    const post = globalThis.postMessage.bind(globalThis);
    const when = ${when};
    let step = 0, over = false;
    globalThis.postMessage = (news, transfer) => {
      post(news, transfer);
      if (news.type === 'event' && news.event.event === 'step') step = news.event.step;
      if (over || !when(news, step)) return;
      over = true;
      globalThis.device.destroy();
    };
  }`;
}

const atPhase = (text: string, from: number) =>
  loseAt(`(news, step) => news.type === 'phase' && news.text === '${text}' && step >= ${from}`);

let hash = '';

async function unbroken(): Promise<string> {
  if (hash !== '') return hash;
  const page = await visit(LINK);
  await page.state('done');
  hash = await page.hash();
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  await page.close();
  return hash;
}

/** The sentence and the labels of its buttons. */
async function told(page: Visit): Promise<{ sentence: string; labels: string[] }> {
  await page.state('failed');
  const { sentence, offers } = await page.said('error');
  return { sentence, labels: offers.map(({ label }) => label) };
}

test.each([
  ['between two steps', loseAt("(news, step) => step === 37 && news.type === 'event'"), 25],
  ['while it saves', atPhase('saving', 50), 25],
  ['while it validates', atPhase('validating', 60), 50],
  ['while it samples', atPhase('sampling', 30), 25],
  ['before its first save', loseAt("(news, step) => step === 12 && news.type === 'event'"), 0],
])('a device lost %s: one button, and the hash of the unbroken run', async (_, beforeWorker, savedStep) => {
  const wanted = await unbroken();
  const page = await visit(LINK, { beforeWorker });
  const { sentence, labels } = await told(page);
  expect(sentence).toContain('the GPU device was lost');
  expect(sentence).toContain(savedStep > 0 ? `saved at step ${savedStep}` : 'Nothing of this run had been saved');
  const button = savedStep > 0 ? `Go on from step ${savedStep}` : 'Try again';
  expect(labels).toEqual([button, 'Begin again']);
  page.news = [];
  await page.tab.getByRole('button', { name: button }).click();
  expect((await page.said('ready')).resumedAt).toBe(savedStep);
  await page.state('done');
  expect(await page.hash()).toBe(wanted);
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  await page.close();
});

test('a device lost under the prompt box of a finished run is told, and the run is there again', async () => {
  const wanted = await unbroken();
  const page = await visit(LINK, { beforeWorker: loseAt("(news) => news.type === 'generated'") });
  await page.state('done');
  const ask = (id: number) =>
    page.send({ type: 'generate', id, prompt: 'Call', temperature: 0, topK: 0, maxNewTokens: 3 });
  await ask(1);
  expect((await page.said('generated')).error).toBeNull();
  await ask(2);
  const { sentence, labels } = await told(page);
  expect(sentence).toContain('the GPU device was lost');
  expect(labels[0]).toBe('Go on from step 60');
  page.news = [];
  await page.tab.getByRole('button', { name: 'Go on from step 60' }).click();
  await page.state('done');
  expect(await page.hash()).toBe(wanted);
  await ask(3);
  const answer = await page.said('generated');
  expect(answer).toMatchObject({ id: 3, error: null });
  expect(answer.text.length).toBeGreaterThan(0);
  await page.close();
});

test('a device lost while the run holds: a new run begins on a new one', async () => {
  const page = await visit(`${LINK}&run=0`, {
    beforeWorker: loseAt("(news) => news.type === 'state' && news.state === 'waiting'"),
  });
  await page.state('waiting');
  await page.tab.getByRole('button', { name: 'Restart' }).click();
  await page.steps(3);
  await expect.poll(() => page.run.getAttribute('data-state'), { timeout: patience(5) }).toBe('training');
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  await page.close();
});
