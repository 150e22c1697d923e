// What the pictures of the page show: each chapter and each look inside, with real content, in the order in which they are made.
import type { Page } from 'playwright-core';

export interface Scene {
  /** Of its pictures' files. */
  name: string;
  /** What is scrolled to: all of it, or as much as fits. */
  shows: string;
  /** Brings the page there from the scene before. */
  arrange(page: Page): Promise<void>;
}

/** A software adapter on a busy machine. Milliseconds. */
const PATIENCE = 600_000;

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();
const there = (page: Page, what: string) => page.locator(what).first().waitFor({ timeout: PATIENCE });

function inside(
  name: string,
  title: string,
  ready: string,
  then: (page: Page) => Promise<void> = async () => {},
): Scene {
  return {
    name,
    shows: '#inside',
    async arrange(page) {
      await tab(page, title);
      await there(page, ready);
      await then(page);
    },
  };
}

/** A lesson of some steps, and what it has taught. */
function lesson(
  name: string,
  title: string,
  steps: number,
  then: (page: Page) => Promise<void> = async () => {},
): Scene {
  return {
    name,
    shows: '#chapter',
    async arrange(page) {
      await tab(page, title);
      await there(page, '#lesson[data-prepared="yes"]');
      await page.locator('#lesson-steps').fill(String(steps));
      await page.keyboard.press('Tab');
      await there(page, '#lesson[data-prepared="yes"]');
      await page.locator('button:enabled', { hasText: /^Train$/ }).click({ timeout: PATIENCE });
      await there(page, `#lesson[data-runs="${name}"]`);
      await there(page, `#run[data-state="done"][data-step="${steps}"]`);
      await then(page);
    },
  };
}

/** While the first chapter's run holds. */
export const LOOKS: readonly Scene[] = [
  inside('tokens', 'Tokens and loss', '#inside [data-seen]', async (page) => {
    await page.locator('#inside [role="option"]').nth(17).click();
    await there(page, '#inside [data-token="17"]');
  }),
  inside('attention', 'Attention', '[data-attention]', async (page) => {
    await page.locator('.sight [role="option"]').nth(12).click();
    await there(page, '[data-looked]');
  }),
  inside('weights', 'Weights and gradients', '#inside [data-pool]', async (page) => {
    await page.locator('#inside .picture canvas').click({ position: { x: 90, y: 40 } });
    await there(page, '#inside [data-cell]');
  }),
  inside('lens', 'Lens', '[data-lens]', async (page) => {
    await page.waitForTimeout(1000);
  }),
  inside('kernels', 'Kernels', '[data-dispatches]', async (page) => {
    await there(page, '[data-step-ms]');
    await page.locator('[data-dispatch] button', { hasText: 'attention' }).first().click();
    await there(page, '[data-opened] [data-wgsl]');
  }),
];

/** Once it is done. */
export const CHAPTER_SCENES: readonly Scene[] = [
  {
    name: 'load',
    shows: '#chapter',
    async arrange(page) {
      await tab(page, 'Load');
      await there(page, '#lesson[data-prepared="yes"]');
    },
  },
  lesson('classify', 'Classify', 150, async (page) => {
    await page.locator('.try').getByRole('button', { name: 'Classify' }).click();
    await there(page, '.try [data-probability]');
  }),
  lesson('lora', 'LoRA', 60),
  lesson('dpo', 'DPO', 30),
  lesson('instruct', 'Instruct', 100),
  {
    name: 'chat',
    shows: '#chapter',
    async arrange(page) {
      await tab(page, 'Chat');
      await page.getByLabel('Message').fill('Define dog');
      await page.getByRole('button', { name: 'Ask' }).click();
      for (const side of ['base', 'tuned']) await there(page, `[data-side="${side}"][data-writing="false"]`);
    },
  },
  {
    name: 'translate',
    shows: '#chapter',
    async arrange(page) {
      await tab(page, 'Translate');
      await page.locator('#translate').getByRole('button', { name: 'Translate' }).click();
      await there(page, '[data-translated="done"]');
    },
  },
];
