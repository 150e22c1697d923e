// The kernels as they lie in shaders/, read from the disk: for the scripts that make and check things from them.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Name without extension (`matmul`, `lib/fold`) -> text, with line ends as on Unix. */
export function readShaders(folder = path.join(root, 'shaders')): Map<string, string> {
  const shaders = new Map<string, string>();
  for (const part of ['', 'lib/']) {
    for (const file of readdirSync(path.join(folder, part)).sort()) {
      if (!file.endsWith('.wgsl')) continue;
      const text = readFileSync(path.join(folder, part, file), 'utf8');
      shaders.set(part + path.basename(file, '.wgsl'), text.replaceAll('\r\n', '\n'));
    }
  }
  return shaders;
}
