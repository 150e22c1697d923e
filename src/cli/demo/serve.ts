// A static server on loopback for the built page, from memory: the files it was given and nothing else.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RunError } from '../../errors.ts';
import { headerPolicy } from './policy.ts';

const types = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['json', 'application/json'],
  ['svg', 'image/svg+xml'],
  ['txt', 'text/plain; charset=utf-8'],
  ['md', 'text/plain; charset=utf-8'],
  ['tsv', 'text/tab-separated-values; charset=utf-8'],
  ['jsonl', 'text/plain; charset=utf-8'],
]);

export interface ServeOptions {
  /** 0 takes a free one. */
  port?: number;
  /** Path under which the folder stands: `/` or `/any/where/`. */
  under?: string;
}

export interface Served {
  address: string;
  close(): Promise<void>;
}

/**
 * Serves until closed.
 * @param files by their path in the folder: `index.html`, `parts/a.js`
 * @throws RunError where the port is taken
 */
export async function servePage(files: ReadonlyMap<string, Uint8Array>, options: ServeOptions = {}): Promise<Served> {
  const { port = 0, under = '/' } = options;
  const server = createServer((request, response) => {
    const name = nameOf(request.url ?? '/', under);
    const file = name === null ? undefined : files.get(name);
    response.setHeader('content-security-policy', headerPolicy);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    // The next build has the same names.
    response.setHeader('cache-control', 'no-cache');
    response.setHeader('content-type', types.get(/\.(\w+)$/.exec(name ?? '')?.[1] ?? '') ?? 'application/octet-stream');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' });
      response.end('This server only gives files.\n');
    } else if (file === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('No such file.\n');
    } else {
      response.setHeader('content-length', file.byteLength);
      response.end(request.method === 'HEAD' ? undefined : file);
    }
  });
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => fail(refusal(error, port)));
    server.listen(port, '127.0.0.1', done);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${under}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** `/under/parts/a.js?x` -> `parts/a.js`; null for what is not below `under` or no path. */
export function nameOf(url: string, under: string): string | null {
  try {
    const { pathname } = new URL(url, 'http://127.0.0.1');
    if (!pathname.startsWith(under)) return null;
    return decodeURIComponent(pathname.slice(under.length)) || 'index.html';
  } catch {
    return null;
  }
}

function refusal(error: NodeJS.ErrnoException, port: number): RunError {
  const why = error.code === 'EADDRINUSE' ? 'it is taken by another program' : `it cannot be had (${error.code})`;
  return new RunError(`--port: found ${port}, and ${why}; expected a free one. Leave --port out: one is found.`);
}
