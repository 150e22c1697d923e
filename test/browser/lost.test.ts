// A GPU that is lost in the midst of a run: the run goes on by itself from its last save, says so, and ends as if nothing had been.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const LINK = '?steps=60&seed=17';

/**
 * Destroys the worker's GPU device, once, as soon as it tells a piece of news.
 * @param when a function of the news and of the last step @param times how often instead, each time it is told anew
 */
function loseAt(when: string, times = 1): string {
  return `{
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...given) {
      return (globalThis.device = await requestDevice.apply(this, given));
    };
    const post = globalThis.postMessage.bind(globalThis);
    const when = ${when};
    let step = 0, left = ${times};
    globalThis.postMessage = (news, transfer) => {
      post(news, transfer);
      if (news.type === 'event' && news.event.event === 'step') step = news.event.step;
      if (left === 0 || !when(news, step)) return;
      left--;
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

/** Nothing was asked of anybody, and nothing began anew. */
function expectNoTrouble(page: Visit): void {
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  expect(page.news.filter((news) => news.type === 'ready').length).toBe(1);
}

test.each([
  ['between two steps', loseAt("(news, step) => step === 37 && news.type === 'event'"), 37, 25],
  ['while it saves', atPhase('saving', 50), 50, 25],
  ['while it validates', atPhase('validating', 60), 60, 50],
  ['while it samples', atPhase('sampling', 30), 30, 25],
  ['before its first save', loseAt("(news, step) => step === 12 && news.type === 'event'"), 12, 0],
])(
  'a device lost %s: the run goes on by itself, to the hash of the unbroken run',
  async (_, beforeWorker, at, from) => {
    const wanted = await unbroken();
    const page = await visit(LINK, { beforeWorker });
    const lost = await page.said('lost');
    // Steps that were read before the loss are told after it too.
    expect(lost.step).toBeGreaterThanOrEqual(at);
    expect(lost).toMatchObject({ from });
    const repeated = `steps ${from + 1} to ${lost.step} repeated`;
    expect(lost.sentence).toMatch(new RegExp(`^device lost at step ${lost.step}, rebuilt in [\\d,]+ ms, ${repeated}$`));
    await page.state('done');
    expect(await page.run.textContent()).toContain(lost.sentence);
    expect(await page.figure('lost')).toBe(1);
    expect(await page.hash()).toBe(wanted);
    expectNoTrouble(page);
    await page.close();
  },
);

test('a device lost under the prompt box of a finished run is told there, and the run is there again', async () => {
  const wanted = await unbroken();
  const page = await visit(LINK, { beforeWorker: loseAt("(news) => news.type === 'token'") });
  await page.state('done');
  const ask = async (id: number) => {
    await page.send({ type: 'generate', id, prompt: 'Call', temperature: 0, topK: 0, maxNewTokens: 3 });
    const mine = () => page.news.find((news) => news.type === 'generated' && news.id === id);
    await expect.poll(mine, { timeout: patience(20) }).toBeDefined();
    return mine()!;
  };
  expect(await ask(1)).toMatchObject({
    error: 'The GPU device was lost in the midst of this. The run is being rebuilt: ask again.',
  });
  expect(await page.said('lost')).toMatchObject({ step: 60, from: 60 });
  expect(await ask(2)).toMatchObject({ error: null, text: expect.stringMatching(/[\s\S]/) });
  await page.state('done');
  expect(await page.hash()).toBe(wanted);
  expectNoTrouble(page);
  await page.close();
});

test('a translation and a look inside that are under way are told of the loss, and work again after it', async () => {
  const page = await visit('?steps=2000', {
    beforeWorker: loseAt("(news) => news.type === 'token' && news.id === 7"),
  });
  await page.steps(3);
  const translated = async (id: number) => {
    await page.send({ type: 'translate', id, text: 'Good morning' });
    const mine = () => page.news.find((news) => news.type === 'translated' && news.id === id);
    await expect.poll(mine, { timeout: patience(60) }).toBeDefined();
    return mine()!;
  };
  expect(await translated(7)).toMatchObject({ error: expect.stringContaining('The GPU device was lost') });
  expect(await translated(8)).toMatchObject({ error: null });
  const step = await page.figure('step');
  await page.steps(step + 3);
  expectNoTrouble(page);
  await page.close();
});

test('a device lost while the run holds: it goes on from there, and a new run begins on a new one', async () => {
  const page = await visit(`${LINK}&run=0`, {
    beforeWorker: loseAt("(news) => news.type === 'state' && news.state !== 'training'", 2),
  });
  await page.state('waiting');
  await page.tab.getByRole('button', { name: 'Start', exact: true }).click();
  expect(await page.said('lost')).toMatchObject({ step: 0, from: 0 });
  await page.steps(3);
  await page.tab.getByRole('button', { name: 'Pause' }).click();
  await page.state('paused');
  await page.tab
    .getByRole('button', { name: 'Start over' })
    .or(page.tab.getByRole('button', { name: 'Restart' }))
    .click();
  await page.steps(3);
  await expect.poll(() => page.run.getAttribute('data-state'), { timeout: patience(5) }).toBe('training');
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  await page.close();
});

test('a device that is lost again and again is not begun for ever: a sentence with its buttons, and one of them goes on', async () => {
  const wanted = await unbroken();
  const page = await visit(LINK, {
    beforeWorker: loseAt("(news, step) => step >= 30 && news.type === 'state' && news.state === 'training'", 5),
  });
  await page.state('failed');
  const { sentence, offers } = await page.said('error');
  expect(sentence).toBe('The GPU device was lost 4 times without a step between. The run is saved at step 50.');
  expect(offers.map(({ label }) => label)).toEqual(['Go on from step 50', 'Begin again']);
  page.news = [];
  await page.tab.getByRole('button', { name: 'Go on from step 50' }).click();
  expect((await page.said('ready')).resumedAt).toBe(50);
  await page.state('done');
  expect(await page.hash()).toBe(wanted);
  await page.close();
});
