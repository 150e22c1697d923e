// Tests on files that lie beside a clone in ../shared and are not part of the project: skipped, with the reason, where they are not.
import { existsSync } from 'node:fs';
import { test } from 'vitest';

/** A test that needs `file`, a path below ../shared. */
export function testWith(file: string, name: string, run: () => unknown, timeout?: number): void {
  test(name, { ...(timeout !== undefined && { timeout }) }, async (context) => {
    if (!existsSync(file)) context.skip('the files in ../shared are not beside this clone');
    await run();
  });
}
