// Starts the command `finetune`: `npm run finetune -- FLAGS`, or `deno run -A scripts/finetune.ts FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['finetune', ...process.argv.slice(2)], commands);
