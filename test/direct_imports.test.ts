// What the page imports of the public face is taken from its own files, so that a first visit loads what it uses.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { exportsOf, withDirectImports } from '../src/cli/demo/direct_imports.ts';

const exported = exportsOf(fs.readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8'));

test('an import is taken apart, its types left out, and what stands behind it stays on its line', () => {
  const source =
    "// first\nimport {\n  InputError,\n  type Machine,\n  loadModel as load,\n} from '../../src/index.ts';\nnext();\n";
  const direct = withDirectImports(source, exported);
  expect(direct).toContain("import { InputError as InputError } from '../../src/errors.ts';");
  expect(direct).toContain("import { loadModel as load } from '../../src/train/snapshot.ts';");
  expect(direct).not.toContain('Machine');
  expect(direct.split('\n').indexOf('next();')).toBe(source.split('\n').indexOf('next();'));
});

test('types alone stay as they are, and a name that is not there is told', () => {
  const types = "import type { Machine } from '../../src/index.ts';";
  expect(withDirectImports(types, exported)).toBe(types);
  expect(() => withDirectImports("import { nothing } from '../src/index.ts';", exported)).toThrow('has no nothing');
});
