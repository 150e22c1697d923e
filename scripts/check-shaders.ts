// `npm run check-shaders`: compiles every file in shaders/ with Tint (Dawn, here) and with naga (Deno, in a child), a line a file.
// `--adapter NAME` picks the adapter. Exit code 1 if any file fails in any compiler.

import { type CheckedShader, checkShaders } from '../src/cli/elsewhere/check_shaders.ts';
import { defineFlags } from '../src/cli/flags.ts';
import { parseFlags } from '../src/cli/parse_flags.ts';
import { quoted } from '../src/data/printable.ts';
import { InputError } from '../src/errors.ts';
import { readShaders } from './shader-files.ts';

const flags = defineFlags([
  { name: 'adapter', type: 'text', placeholder: 'TEXT', example: 'llvmpipe', help: 'part of the name of an adapter' },
]);

function lineOf(shader: CheckedShader): string {
  const verdicts = [...shader.verdicts].map(([compiler, { outcome, reason }]) => {
    return `${compiler} ${outcome}${reason ? ` (${reason})` : ''}`.padEnd(12);
  });
  return `${shader.name.padEnd(40)} ${verdicts.join('  ')}`.trimEnd();
}

async function run(): Promise<number> {
  const { values, positionals, help } = parseFlags({ name: 'check-shaders', flags }, process.argv.slice(2));
  if (help) {
    console.log('npm run check-shaders [-- --adapter TEXT]   compiles every file in shaders/');
    return 0;
  }
  if (positionals.length > 0)
    throw new InputError(`check-shaders: found the word ${quoted(positionals[0]!)}, expected only --adapter TEXT.`);
  const { shaders, homes } = await checkShaders(readShaders(), values.adapter as string | undefined);
  for (const line of homes) console.log(line);
  for (const shader of shaders) {
    console.log(lineOf(shader));
    for (const message of shader.messages) console.log(`  ${message}`);
  }
  const failed = shaders.filter((shader) => shader.failed).length;
  console.log(`${shaders.length} files, ${failed} failed`);
  return failed > 0 || shaders.length === 0 ? 1 : 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
