// Running vitest and counting what came of it: for the two commands that end with a line of figures.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestSummary } from '../test/harness/summary_reporter.ts';
import { root } from './shader-files.ts';

/** Runs a program of node_modules with its output shown. @returns true where its exit code is 0 */
export function runProgram([program, ...args]: string[], env: Record<string, string> = {}): boolean {
  const options = { cwd: root, env: { ...process.env, ...env }, shell: process.platform === 'win32' };
  const done = spawnSync(path.join(root, 'node_modules/.bin', program!), args, { ...options, stdio: 'inherit' });
  if (done.error) console.error(`${program}: does not start (${done.error.message}). Run: npm install`);
  return done.status === 0;
}

/** @param words for vitest @param env for the tests */
export function runVitest(words: readonly string[], env: Record<string, string> = {}): TestSummary {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'shaderformer-test-'));
  const file = path.join(folder, 'summary.json');
  const reporters = ['--reporter=default', '--reporter=./test/harness/summary_reporter.ts'];
  try {
    const ok = runProgram(['vitest', 'run', ...reporters, ...words], { ...env, SHADERFORMER_TEST_SUMMARY: file });
    const summary = JSON.parse(readFileSync(file, 'utf8')) as TestSummary;
    if (!ok && summary.failed === 0) summary.failed = 1;
    return summary;
  } catch {
    return { passed: 0, failed: 1, skipped: 0, skips: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The figures of two runs as of one. */
export function together(a: TestSummary, b: TestSummary): TestSummary {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    skips: [...a.skips, ...b.skips],
  };
}

/**
 * Says what was skipped and why, what failed before the tests, and last `12 passed, 0 failed, 1 skipped`.
 * @param failedBefore checks that no test is; each counts as one
 * @returns the exit code
 */
export function closing({ passed, failed, skipped, skips }: TestSummary, failedBefore: readonly string[] = []): number {
  if (skips.length > 0) console.log(`\nSkipped:\n${skips.map((skip) => `  ${skip}`).join('\n')}`);
  if (failedBefore.length > 0) console.log(`\nFailed before the tests: ${failedBefore.join(', ')}`);
  if (passed + failed === 0) console.log('\nNo test ran.');
  const allFailed = failed + failedBefore.length;
  console.log(`\n${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return allFailed > 0 || passed === 0 ? 1 : 0;
}
