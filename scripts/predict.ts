// Starts the command `predict`: `npm run predict -- FLAGS`, or `deno run -A scripts/predict.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['predict', ...process.argv.slice(2)], commands);
