// Starts the command `golden`: `npm run golden -- FLAGS`, or `deno run -A scripts/golden.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['golden', ...process.argv.slice(2)], commands);
