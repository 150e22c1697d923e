// The house: which room may import from which, and what may be named where. The README says what each room holds.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readShaders } from '../scripts/shader-files.ts';
import { filesBelow, findCycle, readSource } from './harness/imports.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = filesBelow(root, 'src').map((file) => readSource(root, file));

/** Room -> the rooms whose doors are open to it. What those may import, it may import too. */
const doors: Record<string, string[]> = {
  tensor: [],
  ops: ['tensor'],
  autograd: ['ops'],
  nn: ['autograd'],
  optim: ['nn'],
  tasks: ['optim', 'data'],
  schedule: ['autograd'],
  runtime: ['schedule'],
  reference: ['autograd'],
  // A tokenizer comes in the same folder of strangers' files as a model: one reader of their JSON.
  data: ['checkpoint'],
  checkpoint: ['tensor'],
  generate: ['tasks', 'runtime', 'reference', 'data', 'checkpoint'],
  train: ['tasks', 'runtime', 'reference', 'data', 'checkpoint', 'generate'],
  look: ['train'],
  tune: ['runtime', 'reference', 'checkpoint'],
  scores: [],
  finetune: ['train'],
  cli: ['train', 'generate', 'tune', 'scores', 'finetune', 'look'],
};
/** Files beside the rooms, and who may import them. */
const files: Record<string, string[]> = {
  'errors.ts': Object.keys(doors),
  'make_folders.ts': ['runtime', 'data', 'checkpoint', 'cli'],
  'shaders.gen.ts': ['schedule', 'runtime', 'cli'],
  'index.ts': ['cli'],
};

/** Files that a room may import though their room is closed to it: the configuration of a model is what its file is read into. */
const isOpen = (file: string, room: string) => room === 'checkpoint' && /^src\/nn\/\w+_config\.ts$/.test(file);

function reach(room: string): Set<string> {
  const rooms = new Set([room]);
  for (const from of rooms) for (const to of doors[from] ?? []) rooms.add(to);
  return rooms;
}

/** `src/ops/matmul.ts` -> `ops`; `src/errors.ts` -> `errors.ts`. */
const roomOf = (file: string) => file.split('/')[1]!;

/** A relative import as a path from the root. */
const target = (file: string, specifier: string) => path.posix.join(path.posix.dirname(file), specifier);

const relative = sources.flatMap(({ file, imports }) =>
  imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map((found) => ({ file, ...found, to: target(file, found.specifier) })),
);

test('there are sources to look at', () => {
  expect(sources.length).toBeGreaterThan(10);
  expect(relative.length).toBeGreaterThan(10);
});

test('every room of src/ has its place in the house', () => {
  const rooms = new Set(sources.map(({ file }) => roomOf(file)));
  expect([...rooms].filter((room) => !(room in doors) && !(room in files))).toEqual([]);
});

test('imports point one way', () => {
  const wrong = relative.filter(({ file, to }) => {
    const [from, room] = [roomOf(file), roomOf(to)];
    if (from === 'index.ts') return room === 'cli'; // the public face shows all but the command line
    if (room in files) return !(from in doors) || !files[room]!.includes(from);
    return !reach(from).has(room) && !isOpen(to, from);
  });
  expect(wrong.map(({ file, line, to }) => `${file}:${line} imports ${to}`)).toEqual([]);
});

test('src/ imports nothing of scripts, test or demo', () => {
  expect(relative.filter(({ to }) => !to.startsWith('src/')).map(({ file, to }) => `${file} imports ${to}`)).toEqual(
    [],
  );
});

test("to each thing there is one path in the command line: no file of it gives on what is another's", () => {
  const commands = sources.filter(({ file }) => roomOf(file) === 'cli');
  const givesOn = /^export (?:type )?(?:\{[^}]*\}|\*) from /m;
  expect(givesOn.test("export { printable } from '../data/printable.ts';")).toBe(true);
  expect(commands.length).toBeGreaterThan(10);
  expect(
    commands.map(({ file }) => file).filter((file) => givesOn.test(readFileSync(path.join(root, file), 'utf8'))),
  ).toEqual([]);
});

test('no files import each other in a circle', () => {
  const graph = new Map<string, string[]>(sources.map(({ file }) => [file, []]));
  for (const { file, to, typeOnly } of relative) if (!typeOnly) graph.get(file)!.push(to);
  expect(findCycle(graph)).toBe(null);
});

test('a circle would be found', () => {
  expect(
    findCycle(
      new Map([
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', []],
      ]),
    ),
  ).toBe(null);
  expect(
    findCycle(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b']],
      ]),
    ),
  ).toEqual(['b', 'c', 'b']);
});

test('relative imports carry .ts and lead to a file', () => {
  const everywhere = ['src', 'scripts', 'test', 'demo']
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) => filesBelow(root, folder).map((file) => readSource(root, file)));
  const wrong = everywhere.flatMap(({ file, imports }) =>
    imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(
        ({ specifier }) => !/\.(tsx?|json)$/.test(specifier) || !existsSync(path.join(root, target(file, specifier))),
      )
      .map(({ specifier, line }) => `${file}:${line} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('only the runtime names a GPU type', () => {
  const wrong = sources
    .filter(({ file }) => roomOf(file) !== 'runtime')
    .flatMap(({ file, identifiers }) =>
      [...identifiers]
        .filter(([name]) => /^GPU[A-Z]/.test(name))
        .map(([name, line]) => `${file}:${line} names ${name}`),
    );
  expect(wrong).toEqual([]);
});

test('what a page imports needs no module of Node', () => {
  const rooms = [
    'tensor',
    'ops',
    'autograd',
    'nn',
    'optim',
    'tasks',
    'schedule',
    'reference',
    'generate',
    'train',
    'tune',
    'scores',
    'finetune',
  ];
  // These rooms hold files of the disk too: what a page takes of them, and all that those import.
  const pure = new Set([
    ...['src/data/tokenizer.ts', 'src/data/windows.ts', 'src/data/counting.ts', 'src/data/text_corpus.ts'],
    ...['src/checkpoint/browser_runs.ts', 'src/checkpoint/manifest.ts', 'src/checkpoint/zip.ts'],
    ...['src/checkpoint/huggingface.ts', 'src/checkpoint/gpt2_config.ts', 'src/checkpoint/training_state.ts'],
    ...['src/finetune/lesson.ts', 'src/checkpoint/fields.ts', 'src/checkpoint/json.ts'],
    ...['src/cli/saved_settings.ts', 'src/cli/flag_value.ts', 'src/cli/format.ts', 'src/cli/curve.ts'],
  ]);
  for (const file of pure)
    for (const { to } of relative.filter((found) => found.file === file && !found.typeOnly)) pure.add(to);
  const wrong = sources
    .filter(({ file }) => pure.has(file) || rooms.includes(roomOf(file)))
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith('node:'))
        .map(({ specifier }) => `${file} imports ${specifier}`),
    );
  expect(wrong).toEqual([]);
});

test('every kernel is used by name, and every snippet by a kernel', () => {
  const shaders = readShaders();
  const texts = new Set(
    sources.filter(({ file }) => file !== 'src/shaders.gen.ts').flatMap((source) => [...source.texts]),
  );
  const snippets = [...shaders.values()].flatMap((text) => /^\/\/ lib:(.*)$/m.exec(text)?.[1]?.split(',') ?? []);
  // A name may be put together from one that is used, as `relu_backward` is by a template with `_backward` at its end.
  const endings = [...texts].filter((text) => /^\*_\w+$/.test(text)).map((text) => text.slice(1));
  const used = (name: string) =>
    texts.has(name) || endings.some((ending) => name.endsWith(ending) && texts.has(name.slice(0, -ending.length)));
  const kernels = [...shaders.keys()].filter((name) => !name.startsWith('lib/'));
  expect(kernels.filter((name) => !used(name))).toEqual([]);
  const named = new Set(snippets.map((name) => `lib/${name.trim()}`));
  expect([...shaders.keys()].filter((name) => name.startsWith('lib/') && !named.has(name))).toEqual([]);
});

test('there is no utils folder: a helper lives with the room that owns its idea', () => {
  const names = sources
    .map(({ file }) => file)
    .filter((file) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file));
  expect(names).toEqual([]);
});
