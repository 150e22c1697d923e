// A receipt: a run repeated from a link in another browser profile says whether it is the same.
import { expect, test } from 'vitest';
import { readReceipt, writeReceipt } from '../../demo/receipt.ts';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const LINK = '?steps=25&seed=23';

interface Original {
  /** What the button gives. */
  link: string;
  losses: number[];
  hash: string;
}

/** The run that the receipts are of: made by the first visit that a test needs, so that any test can be run alone. */
let original: Promise<Original> | undefined;
const first = () => (original ??= makeOriginal());

async function makeOriginal(): Promise<Original> {
  const page = await visit(LINK);
  const button = page.tab.getByRole('button', { name: 'Copy receipt' });
  await page.said('ready');
  expect(await button.isDisabled()).toBe(true);
  expect(await button.getAttribute('title')).toBe('There is one when the run is done.');
  await page.state('done');
  const receipt = page.tab.locator('[data-receipt]');
  await receipt.waitFor({ timeout: patience(20) });
  expect(await button.isEnabled()).toBe(true);
  const made = { link: (await receipt.getAttribute('data-receipt'))!, losses: page.losses(), hash: await page.hash() };
  await page.close();
  return made;
}

const verdict = (page: Visit, wanted: string) =>
  page.tab.locator(`[data-replay="${wanted}"]`).waitFor({ timeout: patience(60) });
const changed = async (
  change: (receipt: ReturnType<typeof readReceipt>) => Partial<ReturnType<typeof readReceipt>>,
) => {
  const { link } = await first();
  const receipt = readReceipt(new URLSearchParams(link).get('receipt')!);
  return link.replace(/receipt=.*/, `receipt=${writeReceipt({ ...receipt, ...change(receipt) })}`);
};

test('there is none before the run is done, and the button says why; then there is one', async () => {
  expect((await first()).link).toMatch(/receipt=./);
});

test('check 13: the link in another profile: same settings, same first 20 losses, and it says so, at the end of the parameters too', async () => {
  const { link, losses, hash } = await first();
  const page = await visit(link);
  await verdict(page, 'same');
  await page.state('done');
  expect(page.losses().slice(0, 20)).toEqual(losses.slice(0, 20));
  expect(await page.hash()).toBe(hash);
  const said = page.tab.locator('[data-replay="same"]');
  await expect
    .poll(() => said.textContent(), { timeout: patience(5) })
    .toContain(`same to the last bit: the first losses, and all parameters at the end (hash ${hash.slice(0, 8)})`);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('another bit in the loss of step 12: it parts there, by so much, and trains on', async () => {
  const bit = await changed(({ losses }) => {
    const bits = new Uint32Array(Float32Array.from(losses).buffer);
    bits[11]!++;
    return { losses: [...new Float32Array(bits.buffer)] };
  });
  const page = await visit(bit);
  await verdict(page, 'parts');
  expect(await page.tab.locator('[data-replay]').textContent()).toMatch(/parts at step 12 \(2\.4e-7\)\./);
  await page.state('done');
  await page.close();
});

test('check 14: one digit of the data hash altered: different data, and nothing runs until somebody says so', async () => {
  const page = await visit(
    await changed(({ dataHash }) => ({ dataHash: dataHash.replace(/^./, (d) => (d === '0' ? '1' : '0')) })),
  );
  await verdict(page, 'different');
  expect(await page.tab.locator('[data-replay]').textContent()).toContain('different data');
  await page.state('waiting');
  await page.tab.waitForTimeout(2000);
  expect(await page.figure('step')).toBe(0);
  await page.tab.getByRole('button', { name: 'Start', exact: true }).click();
  await page.steps(2);
  await page.close();
});

test('a damaged receipt is a note, and the run goes on without it', async () => {
  const page = await visit(`${LINK}&receipt=AAAA`);
  expect((await page.said('ready')).notes).toEqual([
    'receipt: found layout 0, expected what "Copy receipt" gave; left out.',
  ]);
  await page.steps(2);
  expect(await page.tab.locator('[data-replay]').count()).toBe(0);
  await page.close();
});

test('without WebGPU the twin repeats it inside a band that is stated', async () => {
  const without = `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get() {} });`;
  const page = await visit((await first()).link, { beforeWorker: without });
  await verdict(page, 'inside');
  expect(await page.tab.locator('[data-replay]').textContent()).toContain('inside the band of float32 rounding');
  expect(await page.tab.getByRole('button', { name: 'Pull the plug' }).getAttribute('title')).toBe(
    'The CPU twin runs: there is no GPU device to destroy.',
  );
  await page.close();
});
