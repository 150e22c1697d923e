// Starts the command `inspect`: `npm run inspect -- FLAGS`, or `deno run -A scripts/inspect.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['inspect', ...process.argv.slice(2)], commands);
