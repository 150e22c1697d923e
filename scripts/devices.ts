// Starts the command `devices`: `npm run devices -- FLAGS`, or `deno run -A scripts/devices.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['devices', ...process.argv.slice(2)], commands);
