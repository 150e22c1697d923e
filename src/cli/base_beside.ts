// The base of an adapter, where a run that moved has brought it along: a page's export puts it beside the step folders.
import path from 'node:path';
import { diskLayer } from '../checkpoint/files.ts';

/** @param dir the step folder, or that of the adapter   @returns its folder; null where none lies there */
export function baseBeside(dir: string): string | null {
  const beside = path.join(path.dirname(dir), 'base');
  return diskLayer.stat(`${beside}/config.json`) ? beside : null;
}
