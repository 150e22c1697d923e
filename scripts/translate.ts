// Starts the command `translate`: `npm run translate -- FLAGS`, or `deno run -A scripts/translate.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['translate', ...process.argv.slice(2)], commands);
