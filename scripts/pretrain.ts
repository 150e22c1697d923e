// Starts the command `pretrain`: `npm run pretrain -- FLAGS`, or `deno run -A scripts/pretrain.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['pretrain', ...process.argv.slice(2)], commands);
