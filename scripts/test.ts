// `npm test`: lint and format, types, freshness of the shader module, then the tests. The last line is `N passed, N failed`, with
// `, N skipped` where there are skips; a check that fails counts as one failed test. Exit code 1 on failure or where no test ran.
// `--adapter NAME` picks the adapter; other words go to vitest (`npm test -- test/platforms.test.ts`).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestSummary } from '../test/harness/summary_reporter.ts';
import { root } from './shader-files.ts';

const checks: [string, string[]][] = [
  ['lint', ['biome', 'check', '--log-level=warn', '.']],
  ['types', ['tsc', '-p', '.', '--noEmit']],
  ['shaders', ['tsx', 'scripts/make-shaders.ts', '--check']],
];

/** Runs a program of node_modules with its output shown. @returns true where its exit code is 0 */
function run([program, ...args]: string[], env: Record<string, string> = {}): boolean {
  const options = { cwd: root, env: { ...process.env, ...env }, shell: process.platform === 'win32' };
  const done = spawnSync(path.join(root, 'node_modules/.bin', program!), args, { ...options, stdio: 'inherit' });
  if (done.error) console.error(`${program}: does not start (${done.error.message}). Run: npm install`);
  return done.status === 0;
}

/** Words for vitest, and the environment that carries the adapter. */
function readArguments(words: string[]): { words: string[]; env: Record<string, string> } {
  const at = words.indexOf('--adapter');
  const adapter = words[at + 1];
  if (at < 0 || adapter === undefined) return { words, env: {} };
  return { words: words.toSpliced(at, 2), env: { SHADERFORMER_ADAPTER: adapter } };
}

function runTests(): TestSummary {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'shaderformer-test-'));
  const file = path.join(folder, 'summary.json');
  const { words, env } = readArguments(process.argv.slice(2));
  const reporters = ['--reporter=default', '--reporter=./test/harness/summary_reporter.ts'];
  try {
    const ok = run(['vitest', 'run', ...reporters, ...words], { ...env, SHADERFORMER_TEST_SUMMARY: file });
    const summary = JSON.parse(readFileSync(file, 'utf8')) as TestSummary;
    if (!ok && summary.failed === 0) summary.failed = 1;
    return summary;
  } catch {
    return { passed: 0, failed: 1, skipped: 0, skips: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const failedChecks = checks.filter(([, command]) => !run(command)).map(([name]) => name);
const summary = runTests();
if (summary.skips.length > 0) console.log(`\nSkipped:\n${summary.skips.map((skip) => `  ${skip}`).join('\n')}`);
if (failedChecks.length > 0) console.log(`\nFailed before the tests: ${failedChecks.join(', ')}`);
if (summary.passed + summary.failed === 0) console.log('\nNo test ran.');
const failed = summary.failed + failedChecks.length;
console.log(`\n${summary.passed} passed, ${failed} failed${summary.skipped > 0 ? `, ${summary.skipped} skipped` : ''}`);
process.exitCode = failed > 0 || summary.passed === 0 ? 1 : 0;
