// A recipe's training by the command line: begun, or gone on with where it was interrupted, or over already.
import fs from 'node:fs';
import process from 'node:process';
import { commands } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';

/**
 * `finetune` into a run folder. A run that is there goes on with the settings that it began with; one that has ended stays as it is.
 * @param words its flags, without --out     @param more flags for either way, such as --adapter
 * @returns the exit code: 0 where the run is over, 130 or 143 after a signal
 */
export function taughtRun(run: string, words: readonly string[], more: readonly string[]): Promise<number> {
  const begun = fs.existsSync(run);
  const flags = begun ? ['--resume', run] : [...words, '--out', run];
  process.stderr.write(`finetune ${[...flags, ...more].join(' ')}\n`);
  return main(['finetune', ...flags, ...more], commands);
}
