// Folders with their parents. Node's own recursive mkdir never returns below a folder in which nothing can be made, such as /proc.
import fs from 'node:fs';
import path from 'node:path';

/** @throws the system's error at the first folder that cannot be made */
export function makeFolders(folder: string): void {
  if (fs.existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makeFolders(parent);
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    // Another process may have been as quick.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
