// The checks of the demo page in a headless Chromium: all of them, or those that are quick.
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { InputError } from '../src/errors.ts';
import type { TestSummary } from '../test/harness/summary_reporter.ts';
import { runVitest } from './run-vitest.ts';

/** By their numbers: a few minutes together on two cores. */
const QUICK = [1, 2, 3, 5, 6, 7, 13, 15, 16, 17, 18, 20, 21, 23];

/** @param words for vitest @param quick only those that take a few minutes together; the others were not asked for, so none counts as skipped */
export function runBrowserChecks(words: readonly string[], quick: boolean): TestSummary {
  const missing = whyNoBrowser();
  if (missing !== null) return { passed: 0, failed: 0, skipped: 1, skips: [`test/browser: ${missing}`] };
  const chosen = quick ? ['-t', `check (${QUICK.join('|')}):`] : [];
  const summary = runVitest(['--config', 'test/browser/vitest.config.ts', ...chosen, ...words]);
  return quick ? { ...summary, skipped: 0, skips: [] } : summary;
}

/** null where there is a browser. The one that comes by npm is for Linux on x86-64 alone. */
function whyNoBrowser(): string | null {
  try {
    findChromium();
    return null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}
