// What a first visit costs: the page, its style, and the scripts that page and worker need before anything is asked of them. Pure.

/** The part of esbuild's metafile that is read here. */
export interface BuiltOutputs {
  readonly outputs: Readonly<
    Record<string, { readonly imports: readonly { readonly path: string; readonly kind: string }[] }>
  >;
}

/**
 * The outputs that `entries` load at once, themselves first: what they import statically, not what they import when it is needed.
 * @param entries names of outputs, as the metafile has them
 */
export function loadedAtOnce({ outputs }: BuiltOutputs, entries: readonly string[]): string[] {
  const found = new Set(entries);
  for (const name of found) {
    for (const { path, kind } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) found.add(path);
    }
  }
  return [...found];
}
