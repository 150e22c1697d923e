// Tests run in Node, a process a file: the ladder to a GPU changes the process's environment, which worker threads do not have.

import os from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those have a command of their own: npm run test:browser.
    exclude: ['test/browser/**'],
    pool: 'forks',
    // A file's own work leaves much of a second core idle, which vitest would not use on a machine of two.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    globalSetup: ['test/harness/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
  },
});
