// What a run is called.

/** The name of a file, a folder or a model without what stands before it and without its ending, as a folder may be called. */
export function runName(file: string): string {
  const base = file.split(/[\\/]/).filter(Boolean).at(-1) ?? 'run';
  const plain = base
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 40);
  return plain || 'run';
}
