#!/usr/bin/env node
// The program of the package: `npx shaderformer COMMAND FLAGS`.
import process from 'node:process';
import { commands } from './commands.ts';
import { main } from './main.ts';

process.exitCode = await main(process.argv.slice(2), commands);
