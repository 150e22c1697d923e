// The checks of the demo page in a real browser: one file after the other, since the page alone keeps two cores busy.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/browser/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    globalSetup: ['test/browser/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
