// Starts the command `bench`: `npm run bench -- FLAGS`, or `deno run -A scripts/bench.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['bench', ...process.argv.slice(2)], commands);
