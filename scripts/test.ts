// `npm test`: lint and format, types, freshness of the shader module, then the tests. The last line is `N passed, N failed`, with
// `, N skipped` where there are skips; a check that fails counts as one failed test. Exit code 1 on failure or where no test ran.
// `--adapter NAME` picks the adapter; other words go to vitest (`npm test -- test/platforms.test.ts`).

import { closingLine, runProgram, runVitest } from './run-vitest.ts';

const checks: [string, string[]][] = [
  ['lint', ['biome', 'check', '--log-level=warn', '.']],
  ['types', ['tsc', '-p', '.', '--noEmit']],
  ['shaders', ['tsx', 'scripts/make-shaders.ts', '--check']],
];

/** Words for vitest, and the environment that carries the adapter. */
function readArguments(words: string[]): { words: string[]; env: Record<string, string> } {
  const at = words.indexOf('--adapter');
  const adapter = words[at + 1];
  if (at < 0 || adapter === undefined) return { words, env: {} };
  return { words: words.toSpliced(at, 2), env: { SHADERFORMER_ADAPTER: adapter } };
}

const failedChecks = checks.filter(([, command]) => !runProgram(command)).map(([name]) => name);
const { words, env } = readArguments(process.argv.slice(2));
const summary = runVitest(words, env);
if (summary.skips.length > 0) console.log(`\nSkipped:\n${summary.skips.map((skip) => `  ${skip}`).join('\n')}`);
if (failedChecks.length > 0) console.log(`\nFailed before the tests: ${failedChecks.join(', ')}`);
if (summary.passed + summary.failed === 0) console.log('\nNo test ran.');
const failed = summary.failed + failedChecks.length;
console.log(`\n${closingLine(summary, failedChecks.length)}`);
process.exitCode = failed > 0 || summary.passed === 0 ? 1 : 0;
