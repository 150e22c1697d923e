// One entry file and all it imports as files that a browser's worker can load. esbuild is a package for development.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../errors.ts';

/**
 * The files to serve, by path: `/worker.js`, and one for each part that is loaded later.
 * @throws InputError where esbuild is missing; Error naming file and line where the entry reaches something a browser does not have
 */
export async function bundleForWorker(entryFile: string): Promise<Map<string, Uint8Array>> {
  const esbuild = await needEsbuild();
  const glue = fileURLToPath(import.meta.url).replace(/bundle(\.[jt]s)$/, 'chromium_worker$1');
  const result = await esbuild
    .build({
      stdin: {
        contents: `import { serveMain } from ${JSON.stringify(glue)};\nserveMain(() => import(${JSON.stringify(entryFile)}));\n`,
        resolveDir: path.dirname(entryFile),
        sourcefile: 'worker.js',
      },
      outdir: '/',
      entryNames: 'worker',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
      logLevel: 'silent',
    })
    .catch((error: Error) => {
      throw new Error(`${entryFile}: cannot be bundled for a browser. ${error.message}`);
    });
  return new Map(
    result.outputFiles.map((file) => [
      file.path.replace(/^[A-Z]:|\\/g, (part) => (part === '\\' ? '/' : '')),
      file.contents,
    ]),
  );
}

async function needEsbuild() {
  try {
    return await import('esbuild');
  } catch {
    throw new InputError(
      'esbuild: not installed, and it bundles for the browser. Install it: npm install --save-dev esbuild@0.28.2',
    );
  }
}
