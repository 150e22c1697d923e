// The program itself: `tsx scripts/shaderformer.ts COMMAND FLAGS`, or with deno run -A.
import process from 'node:process';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';

process.exitCode = await main(process.argv.slice(2), commands);
