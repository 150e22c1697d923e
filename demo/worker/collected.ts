// Files whose contents come in pieces, each put together.
import type { FileContent } from '../../src/index.ts';

export async function collected(
  files: Iterable<readonly [string, FileContent]>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const whole = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, content] of files) {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of content instanceof Uint8Array ? [content] : content) chunks.push(chunk.slice());
    whole.set(name, new Uint8Array(await new Blob(chunks).arrayBuffer()));
  }
  return whole;
}
