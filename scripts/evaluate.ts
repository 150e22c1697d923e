// Starts the command `evaluate`: `npm run evaluate -- FLAGS`, or `deno run -A scripts/evaluate.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['evaluate', ...process.argv.slice(2)], commands);
