// A hub of one model on loopback: the few addresses that a download asks, with faults to order.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c'.repeat(40);

export class LittleHub {
  /** Files of the model. */
  readonly files: Map<string, Uint8Array>;
  /** `GET /path range` of every request. */
  readonly asked: string[] = [];
  /** The next content is cut off after so many bytes. */
  cutAfter: number | null = null;
  /** Served in place of the true content. */
  damaged = new Map<string, Uint8Array>();
  status = 200;
  #server = createServer((request, response) => this.#answer(request, response));

  constructor(files: Record<string, string | Uint8Array>) {
    const bytes = (content: string | Uint8Array) =>
      typeof content === 'string' ? new TextEncoder().encode(content) : content;
    this.files = new Map(Object.entries(files).map(([name, content]) => [name, bytes(content)]));
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Requests for the content of a file, not for what is known of it. */
  contents(name: string): string[] {
    return this.asked.filter(
      (line) => line.includes(`/resolve/`) && line.includes(`/${name} `) && !line.endsWith('bytes=0-0'),
    );
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url!, 'http://hub');
    const range = request.headers.range ?? '';
    this.asked.push(`${request.method} ${url.pathname} ${range}`);
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (this.status !== 200) return json({ error: 'no' }, this.status);
    if (url.pathname.startsWith('/api/models/owner/name/revision/'))
      return json({ _id: '1', id: 'owner/name', sha: COMMIT });
    if (url.pathname === `/api/models/owner/name/tree/${COMMIT}`) return json(this.#listing());
    const name = /^\/owner\/name\/resolve\/[^/]+\/(.+)$/.exec(url.pathname)?.[1];
    const whole = name && (this.damaged.get(name) ?? this.files.get(name));
    if (!whole) return json({ error: 'not found' }, 404);
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
    const part = whole.subarray(Number(from), to === '' ? whole.length : Number(to) + 1);
    response.writeHead(range ? 206 : 200, {
      etag: '"x"',
      'content-length': part.length,
      ...(range && { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${whole.length}` }),
    });
    const cut = part.length > 1 ? this.cutAfter : null;
    if (cut === null) response.end(part);
    else {
      this.cutAfter = null;
      response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
    }
  }

  #listing(): unknown[] {
    return [...this.files].map(([path, content]) => {
      const size = content.length;
      const sha256 = createHash('sha256').update(content).digest('hex');
      const oid = createHash('sha1').update(`blob ${size}\0`).update(content).digest('hex');
      // Weights are kept as large files, as on the hub.
      return path.endsWith('.safetensors')
        ? { type: 'file', path, size, oid: 'f'.repeat(40), lfs: { oid: sha256, size, pointerSize: 130 } }
        : { type: 'file', path, size, oid };
    });
  }
}
