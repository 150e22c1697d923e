// Tests run in Node, a process a file: the ladder to a GPU changes the process's environment, which worker threads do not have.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those have a command of their own: npm run test:browser.
    exclude: ['test/browser/**'],
    pool: 'forks',
    globalSetup: ['test/harness/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
