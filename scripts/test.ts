// `npm test`: lint and format, types, freshness of the shader module, the tests, then the quick checks of the demo page in a browser.
// The last line is `N passed, N failed`, with `, N skipped` where there are skips; a check that fails counts as one failed test. Exit
// code 1 on failure or where no test ran. `--adapter NAME` picks the adapter; other words go to vitest, and then the page is left out
// (`npm test -- test/platforms.test.ts`).

import { runBrowserChecks } from './browser-checks.ts';
import { closing, runProgram, runVitest, together } from './run-vitest.ts';

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
const all = words.length === 0 ? together(summary, runBrowserChecks([], true)) : summary;
process.exitCode = closing(all, failedChecks);
