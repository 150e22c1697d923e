// SHA-256 of a text's bytes, as files are known by.
import { Sha256 } from '../../src/index.ts';

/** Hex. */
export function hashOfText(text: string): string {
  return new Sha256().update(new TextEncoder().encode(text)).hex();
}
