// Starts the command `generate`: `npm run generate -- FLAGS`, or `deno run -A scripts/generate.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['generate', ...process.argv.slice(2)], commands);
