// Starts the command `tokenizer`: `npm run tokenizer -- train FLAGS`, or `deno run -A scripts/tokenizer.ts train FLAGS`.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(['tokenizer', ...process.argv.slice(2)], commands);
