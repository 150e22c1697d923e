// Starts the command `convert`: `npm run convert -- FLAGS`, or `deno run -A scripts/convert.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['convert', ...process.argv.slice(2)], commands);
