// A server on loopback for one run in the browser: a few pages from memory, and files of one folder, read-only, under /files/.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EntryTools } from './entry.ts';

const types = new Map([
  ['js', 'text/javascript'],
  ['json', 'application/json'],
]);

/** Serves until closed, at a free port. */
export async function serve(
  pages: ReadonlyMap<string, string | Uint8Array>,
  readFile: EntryTools['readFile'],
): Promise<{ address: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const type = types.get(/\.(\w+)$/.exec(pathname)?.[1] ?? '');
    try {
      const page = pages.get(pathname);
      if (page !== undefined) response.setHeader('content-type', type ?? 'text/html; charset=utf-8').end(page);
      else if (pathname.startsWith('/files/'))
        response.end(await readFile(decodeURIComponent(pathname.slice('/files/'.length))));
      else response.writeHead(404).end(`${pathname}: no such page`);
    } catch (error) {
      response.writeHead(404).end((error as Error).message);
    }
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
