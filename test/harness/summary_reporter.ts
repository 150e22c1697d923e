// Counts the tests of a run and leaves the figures in the file that SHADERFORMER_TEST_SUMMARY names: for the closing line of `npm test`.

import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface TestSummary {
  passed: number;
  failed: number;
  skipped: number;
  /** `file > test: reason` */
  skips: string[];
}

/** Files that did not load, hooks and callbacks that threw count as failed tests: nothing that went wrong may look like a pass. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const summary: TestSummary = { passed: 0, failed: unhandledErrors.length, skipped: 0, skips: [] };
    for (const module of modules) {
      summary.failed += module.errors().length;
      for (const suite of module.children.allSuites()) summary.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') summary.passed++;
        else if (result.state === 'skipped') {
          summary.skipped++;
          const reason = result.note || 'no reason given';
          summary.skips.push(`${module.relativeModuleId} > ${test.fullName}: ${reason}`);
        } else summary.failed++;
      }
    }
    const file = process.env.SHADERFORMER_TEST_SUMMARY;
    if (file) writeFileSync(file, JSON.stringify(summary));
  }
}
