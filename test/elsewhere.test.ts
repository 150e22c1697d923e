// Entries that run in other homes: lines, results, files and errors come back the same from each.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';
import { runIn } from '../src/cli/elsewhere/run.ts';
import { InputError } from '../src/errors.ts';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const echo = here('harness/echo.ts');
const found = { node: () => '', deno: denoProgram, chromium: findChromium };

for (const where of ['node', 'deno', 'chromium'] as const) {
  let missing = '';
  try {
    found[where]();
  } catch (error) {
    missing = (error as Error).message;
  }

  test(`${where}: lines arrive in order, while it runs and with the result`, async (context) => {
    if (missing) context.skip(missing);
    const live: string[] = [];
    const say = 'one,two,three,four,five';
    const { lines, result } = await runIn(where, echo, { say }, { onLine: (line) => live.push(line) });
    expect(lines).toEqual(say.split(','));
    expect(live).toEqual(lines);
    expect(result).toBe(null);
  });

  test(`${where}: files of the given folder can be read, others not`, async (context) => {
    if (missing) context.skip(missing);
    const { result } = await runIn(where, echo, { read: 'harness/echo.ts' }, { files: here('.') });
    expect(result).toContain('An entry that does what it is told');
    const outside = runIn(where, echo, { read: '../package.json' }, { files: here('.'), quiet: true });
    await expect(outside).rejects.toThrow(InputError);
    await expect(runIn(where, echo, { read: 'x' }, { quiet: true })).rejects.toThrow('x: no folder of files was given');
  });

  test(`${where}: an error comes back as what it is`, async (context) => {
    if (missing) context.skip(missing);
    const refused = runIn(where, echo, { refuse: 'flag: found 7, expected 8. Mend it.' });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow('flag: found 7, expected 8. Mend it.');
    await expect(runIn(where, echo, { fail: 'out of cheese' })).rejects.toThrow('out of cheese');
  });

  if (where === 'node') continue; // there it runs in this process, which nobody can end
  test(`${where}: a run that hangs is ended`, async (context) => {
    if (missing) context.skip(missing);
    await expect(runIn(where, echo, { hang: 'yes' }, { timeoutSeconds: 2 })).rejects.toThrow('no result after 2 s');
  });
}
