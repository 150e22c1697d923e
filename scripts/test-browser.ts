// `npm run test:browser`: the checks of the demo page in a headless Chromium on its software adapter. The last line is
// `N passed, N failed`, with `, N skipped` where there are skips. `-- --quick` runs those that take a minute and a half together;
// other words go to vitest: `npm run test:browser -- -t "check 8"`.
import { closingLine, runVitest } from './run-vitest.ts';

/** By their numbers. */
const QUICK = [1, 2, 3, 5, 6, 7, 13, 15, 16, 17, 20, 21, 23];

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const chosen = quick ? ['-t', `check (${QUICK.join('|')}):`] : [];
const others = words.filter((word) => word !== '--quick');
const summary = runVitest(['--config', 'test/browser/vitest.config.ts', ...chosen, ...others]);
// What was not chosen was not skipped.
if (quick) Object.assign(summary, { skipped: 0, skips: [] });
if (summary.skips.length > 0) console.log(`\nSkipped:\n${summary.skips.map((skip) => `  ${skip}`).join('\n')}`);
console.log(`\n${closingLine(summary)}`);
process.exitCode = summary.failed > 0 || summary.passed === 0 ? 1 : 0;
