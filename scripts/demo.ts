// Starts the command `demo`: `npm run demo -- FLAGS`, or `deno run -A scripts/demo.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['demo', ...process.argv.slice(2)], commands);
