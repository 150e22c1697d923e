// Makes src/shaders.gen.ts, one module with the text of every kernel: no import form of .wgsl files works in Node, Deno, bundlers and
// tests alike. `npm run shaders` writes it, `--check` only says whether it is fresh (exit code 1 if not).

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readShaders, root } from './shader-files.ts';

const header = `// The text of shaders/, by name. Made by scripts/make-shaders.ts: change the .wgsl files and run \`npm run shaders\`.\n`;

/** The module's text: names in order of their characters, so that the same files give the same text everywhere. */
export function shaderModule(shaders: ReadonlyMap<string, string>): string {
  const quoted = (text: string) => text.replace(/[\\`]|\$(?=\{)/g, '\\$&');
  const entries = [...shaders.keys()].sort().map((name) => `  '${name}': \`${quoted(shaders.get(name)!)}\`,\n`);
  return `${header}\nexport const shaders: Record<string, string> = {\n${entries.join('\n')}};\n`;
}

/** Where the module lies. */
export const modulePath = path.join(root, 'src/shaders.gen.ts');

function main(check: boolean): number {
  const text = shaderModule(readShaders());
  let present = '';
  try {
    present = readFileSync(modulePath, 'utf8');
  } catch {}
  if (text === present) return 0;
  if (check) {
    console.error('src/shaders.gen.ts: older than the files in shaders/. Run: npm run shaders');
    return 1;
  }
  writeFileSync(modulePath, text);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.includes('--check'));
