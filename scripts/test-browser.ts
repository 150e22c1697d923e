// `npm run test:browser`: the checks of the demo page in a headless Chromium on its software adapter. The last line is
// `N passed, N failed`, with `, N skipped` where there are skips. `-- --quick` runs those that take a few minutes together;
// other words go to vitest: `npm run test:browser -- -t "check 8"`.
import { runBrowserChecks } from './browser-checks.ts';
import { closing } from './run-vitest.ts';

const words = process.argv.slice(2);
const others = words.filter((word) => word !== '--quick');
process.exitCode = closing(runBrowserChecks(others, others.length < words.length));
