// The page imports from the public face, src/index.ts. A bundler that splits code loads all that a file imports with it, so that one
// import of the face would bring everything that is used anywhere into the first load: each name is taken from its own file instead.
import fs from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'esbuild';

const FACE = /import\s*\{([^}]*)\}\s*from\s*'((?:\.\.\/)+src\/index\.ts)';/g;
const EXPORTS = /export\s*\{([^}]*)\}\s*from\s*'([^']+)';/g;

/** Values of a list in braces by the names that they have outside: `a, type B, c as d`. */
function valuesIn(list: string): { name: string; as: string }[] {
  return list
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !each.startsWith('type '))
    .map((each) => {
      const [name = '', as = name] = each.split(/\s+as\s+/);
      return { name, as };
    });
}

/** By the names of the public face: the file and the name there. @param face text of src/index.ts */
export function exportsOf(face: string): Map<string, { file: string; name: string }> {
  const found = new Map<string, { file: string; name: string }>();
  for (const [, list, file] of face.matchAll(EXPORTS))
    for (const { name, as } of valuesIn(list!)) found.set(as, { file: file!, name });
  return found;
}

/** A source with its imports from the face taken apart. @throws Error for a name that the face has not */
export function withDirectImports(source: string, exported: ReturnType<typeof exportsOf>): string {
  return source.replace(FACE, (_, list: string, face: string) => {
    const lines = valuesIn(list).map(({ name, as }) => {
      const from = exported.get(name);
      if (!from) throw new Error(`${face}: has no ${name}`);
      return `import { ${from.name} as ${as} } from '${path.posix.join(path.posix.dirname(face), from.file)}';`;
    });
    // On one line: those behind stay where they are.
    return lines.join(' ') + '\n'.repeat(list.split('\n').length - 1);
  });
}

/** @param sources folder of the page's sources   @param face src/index.ts */
export function directImports(sources: string, face: string): Plugin {
  return {
    name: 'direct-imports',
    setup(build) {
      const exported = exportsOf(fs.readFileSync(face, 'utf8'));
      build.onLoad({ filter: /\.tsx?$/ }, ({ path: file }) => {
        if (!file.startsWith(sources)) return undefined;
        const contents = withDirectImports(fs.readFileSync(file, 'utf8'), exported);
        return { contents, loader: file.endsWith('x') ? 'tsx' : 'ts' };
      });
    },
  };
}
