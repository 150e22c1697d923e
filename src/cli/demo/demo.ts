// demo: the page on which a model learns in front of you. Builds it, and serves it on loopback or writes it to a folder.
import fs from 'node:fs';
import path from 'node:path';
import { InputError } from '../../errors.ts';
import { makeFolders } from '../../make_folders.ts';
import { defineCommand } from '../command.ts';
import { defineFlags } from '../flags.ts';
import { byteText } from '../format.ts';
import { type BuiltPage, buildPage } from './build.ts';
import { servePage } from './serve.ts';

export const demo = defineCommand({
  name: 'demo',
  summary: 'builds the page on which a model learns in front of you, and serves it on this machine',
  flags: defineFlags([
    {
      name: 'out',
      type: 'text',
      placeholder: 'DIR',
      example: 'dist-demo',
      help: 'only builds, into this folder: a static host serves it as it is, under any path',
    },
    { name: 'port', type: 'integer', min: 0, max: 65535, default: 0, help: 'to listen at; 0 takes a free one' },
  ]),
  examples: ['demo', 'demo --out dist-demo'],
  async run({ out, signal, given }, flags) {
    if (flags.out !== undefined && given.has('port'))
      throw new InputError('--port: found together with --out, expected one of the two: --out serves nothing.');
    if (flags.out !== undefined) refusePlace(flags.out);
    const page = await buildPage();
    const size = `${byteText(page.firstLoadBytes)} compressed at the first visit`;
    if (flags.out !== undefined) {
      writeFolder(page, flags.out);
      out.emit({ folder: flags.out, files: [...page.files.keys()], firstLoadBytes: page.firstLoadBytes });
      out.print(`${flags.out}: ${page.files.size} files, ${size}. Serve the folder with any static host.`);
      return 0;
    }
    const server = await servePage(page.files, { port: flags.port });
    try {
      out.emit({ address: server.address, firstLoadBytes: page.firstLoadBytes });
      out.print(server.address);
      out.note(`open it in a browser with WebGPU (${size}); Ctrl-C ends it`);
      await signal.whenRequested;
      return 0;
    } finally {
      await server.close();
    }
  },
});

/** Somebody's folder is not written over: one that was built before is, file by file. @throws InputError */
function refusePlace(dir: string): void {
  const found = fs.statSync(dir, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isDirectory())
    throw new InputError(`--out: found a file at ${dir}, expected a folder or nothing. Name another.`);
  const names = fs.readdirSync(dir);
  if (names.length > 0 && !names.includes('page.js'))
    throw new InputError(
      `--out: found ${dir} with other files in it, expected an empty folder or one built before. Name another.`,
    );
}

function writeFolder({ files }: BuiltPage, dir: string): void {
  // Parts carry a hash in their names: those of an earlier build would stay for ever.
  fs.rmSync(path.join(dir, 'parts'), { recursive: true, force: true });
  for (const [name, bytes] of files) {
    const file = path.join(dir, name);
    makeFolders(path.dirname(file));
    fs.writeFileSync(file, bytes);
  }
}
