// Builds the demo page: scripts and style by esbuild, the page drawn once beforehand so that it is complete before any script runs,
// and the book, the lessons' data and trained models as plain files. What comes out works under any path of a static host.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { BuildOptions, Metafile } from 'esbuild';
import { readText } from '../../data/text_reader.ts';
import { mobyDick } from '../../data/text_source.ts';
import { InputError } from '../../errors.ts';
import { directImports } from './direct_imports.ts';
import { loadedAtOnce } from './first_load.ts';
import { lessonData } from './lesson_data.ts';
import { fillTemplate } from './page_html.ts';
import { metaPolicy } from './policy.ts';

/** Where the page's sources stand: beside src/ in a clone. */
const sources = fileURLToPath(new URL('../../../demo/', import.meta.url));

/** The reference values that the page checks an adapter against. */
const golden = fileURLToPath(new URL('../../../test/golden/', import.meta.url));

/** What the page imports of the library. */
const face = fileURLToPath(new URL('../../index.ts', import.meta.url));

/** Trained models that the page loads when they are asked for. */
const models = path.join(sources, 'models');

export interface BuiltPage {
  /** By path in the folder: `index.html`, `page.js`, `parts/...`. */
  files: Map<string, Uint8Array>;
  /** Files of a first visit, before the book and what is loaded when it is asked for. */
  firstLoad: string[];
  /** Bytes of those, compressed with gzip. */
  firstLoadBytes: number;
}

/** @throws InputError where the page's sources, esbuild, the book or the dictionary are missing; Error where a source does not compile */
export async function buildPage(): Promise<BuiltPage> {
  if (!fs.existsSync(path.join(sources, 'index.html')))
    throw new InputError(
      `demo: found no folder ${sources}, expected the page's sources. They are part of a clone, not of the package.`,
    );
  const files = new Map<string, Uint8Array>();
  const metafile = await bundle(files);
  files.set('index.html', new TextEncoder().encode(await html()));
  files.set('icon.svg', fs.readFileSync(path.join(sources, 'icon.svg')));
  files.set('moby-dick.txt', await book());
  for (const [name, bytes] of lessonData()) files.set(name, bytes);
  for (const [name, bytes] of filesBelow(golden, /\.(json|safetensors)$/)) files.set(`golden/${name}`, bytes);
  for (const [name, bytes] of filesBelow(models)) files.set(`models/${name}`, bytes);
  const firstLoad = ['index.html', 'style.css', ...loadedAtOnce(metafile, ['page.js', 'worker.js'])];
  const firstLoadBytes = firstLoad.reduce((sum, name) => sum + gzipSync(files.get(name)!).byteLength, 0);
  return { files, firstLoad, firstLoadBytes };
}

const common: BuildOptions = {
  absWorkingDir: sources,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  write: false,
  logLevel: 'silent',
};

/** Script of the page, of the worker, and the parts that both load later or share. */
async function bundle(files: Map<string, Uint8Array>): Promise<Metafile> {
  const { outputFiles, metafile } = await esbuild({
    ...common,
    entryPoints: [
      { in: 'page/main.tsx', out: 'page' },
      { in: 'worker/worker.ts', out: 'worker' },
      { in: 'style.css', out: 'style' },
    ],
    outdir: sources,
    chunkNames: 'parts/[name]-[hash]',
    splitting: true,
    platform: 'browser',
    minify: true,
    metafile: true,
    plugins: [directImports(sources, face)],
  });
  for (const file of outputFiles!) {
    files.set(path.relative(sources, file.path).split(path.sep).join('/'), file.contents);
  }
  return metafile!;
}

async function html(): Promise<string> {
  const template = fs.readFileSync(path.join(sources, 'index.html'), 'utf8');
  return fillTemplate(template, { policy: metaPolicy, page: await drawnPage() });
}

/** The page as its components draw it before a worker has said anything. */
async function drawnPage(): Promise<string> {
  const { outputFiles } = await esbuild({
    ...common,
    entryPoints: ['page/prerender.tsx'],
    platform: 'node',
    // The components' libraries come from node_modules in one copy, their hooks with them.
    banner: { js: 'const document = undefined, window = undefined, navigator = undefined;' },
  });
  const code = Buffer.from(outputFiles![0]!.contents).toString('base64');
  const module = (await import(`data:text/javascript;base64,${code}`)) as { drawPage(): string };
  return module.drawPage();
}

/** The default text, to the byte as `pretrain` reads it: a run that moves between the two has one text. */
async function book(): Promise<Uint8Array> {
  const parts: string[] = [];
  for await (const part of readText(mobyDick(), false)) if (typeof part === 'string') parts.push(part);
  return new TextEncoder().encode(parts.join(''));
}

/** Files of a folder and its folders, by their paths in it. @param names those that are taken, by default all */
function filesBelow(folder: string, names = /(?:)/): Map<string, Uint8Array> {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => path.join(entry.parentPath, entry.name)).filter((file) => names.test(file));
  return new Map(files.map((file) => [path.relative(folder, file).split(path.sep).join('/'), fs.readFileSync(file)]));
}

async function esbuild(options: BuildOptions) {
  const { build } = await import('esbuild').catch(() => {
    throw new InputError(
      'esbuild: not installed, and it builds the page. Install it: npm install --save-dev esbuild@0.28.2',
    );
  });
  return build(options).catch((error: Error) => {
    throw new Error(`demo: the page cannot be built. ${error.message}`);
  });
}
