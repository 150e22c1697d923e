// An entry that does what it is told: for the tests of how entries run elsewhere.

import type { EntryTools } from '../../src/cli/elsewhere/entry.ts';
import { InputError } from '../../src/errors.ts';

export async function main(args: unknown, tools: EntryTools): Promise<unknown> {
  const { say, read, refuse, fail, hang } = args as Record<string, string | undefined>;
  for (const line of say?.split(',') ?? []) tools.print(line);
  if (refuse) throw new InputError(refuse);
  if (fail) throw new TypeError(fail);
  if (hang) await new Promise(() => setInterval(() => {}, 1000));
  if (read) return new TextDecoder().decode(await tools.readFile(read));
  return undefined;
}
