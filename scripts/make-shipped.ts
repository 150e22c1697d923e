// Makes src/tune/shipped.ts: the tables of kernels that come with the program, from those that were measured on this machine. For each
// kind, while nothing else runs: `npm run devices -- --tune --adapter llvmpipe`. Then `npm run shipped -- llvmpipe swiftshader`: each
// word is a part of an adapter's name, under which its table will be found. Tables of other kinds stay as they are.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { diskStore } from '../src/cli/tune/disk_store.ts';
import { InputError } from '../src/errors.ts';
import { shipped } from '../src/tune/shipped.ts';
import type { ShippedTable } from '../src/tune/shipped_table.ts';
import { formsNow, type StoredTable } from '../src/tune/stored_table.ts';
import { root } from './shader-files.ts';

const header = `// Tables of kernels for kinds of adapters that were measured, for machines where nothing was: see kernel_choice.ts. Plain data, made
// from stored tables by scripts/make-shipped.ts: do not write it by hand.
import type { ShippedTable } from './shipped_table.ts';
`;

/** Where the module lies. */
export const modulePath = path.join(root, 'src/tune/shipped.ts');

/** The module's text. */
export function shippedModule(tables: readonly ShippedTable[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  // As the formatter has it: a text that would not fit stands below its name.
  const field = (name: string, text: string, space: string) =>
    `${space}${name}: ${text},`.length > 120 ? `${space}${name}:\n${space}  ${text},` : `${space}${name}: ${text},`;
  const fields = (values: object, space: string): string[] =>
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === 'string'
        ? field(name, quoted(value), space)
        : Object.keys(value).length === 0
          ? `${space}${name}: {},`
          : [`${space}${name}: {`, ...fields(value, `${space}  `), `${space}},`],
    );
  const rows = tables.map((table) => ['  {', ...fields(table, '    '), '  },'].join('\n'));
  const list = rows.length === 0 ? '[]' : `[\n${rows.join('\n')}\n]`;
  return `${header}\nexport const shipped: readonly ShippedTable[] = ${list};\n`;
}

/** A table as it ships. @param adapter what names its kind */
export function toShip(adapter: string, { adapter: key, measured, kernels, plain }: StoredTable): ShippedTable {
  const { subgroups, name, home } = key;
  const day = measured.slice(0, 10);
  const forms = Object.fromEntries(Object.entries(formsNow()).filter(([op]) => op in kernels || op in plain));
  return { adapter, subgroups, measured: day, on: `${name}, in ${home}`, kernels, plain, forms };
}

/** These tables instead of those of the same kinds, in the order of their names. */
export function replaced(before: readonly ShippedTable[], more: readonly ShippedTable[]): ShippedTable[] {
  const kinds = new Map([...before, ...more].map((table) => [`${table.adapter} ${table.subgroups}`, table]));
  return [...kinds.keys()].sort().map((kind) => kinds.get(kind)!);
}

/** The newest table of an adapter with this in its name, measured in Node with the adapter's own limits. @throws InputError */
function newest(adapter: string): ShippedTable {
  const found = diskStore(process.env)
    .tables((line) => console.error(line))
    .filter(({ adapter: key }) => key.home === 'node' && key.name.toLowerCase().includes(adapter))
    .filter(({ adapter: key }) => key.subgroups !== 'none')
    .sort((a, b) => (a.measured < b.measured ? 1 : -1))[0];
  if (found) return toShip(adapter, found);
  throw new InputError(
    `shipped: found no table of an adapter with "${adapter}" in its name, expected one. Make it: npm run devices -- --tune --adapter ${adapter}`,
  );
}

function main(kinds: readonly string[]): number {
  if (kinds.length === 0) {
    console.log('npm run shipped -- KIND...   such as llvmpipe swiftshader: from what devices --tune measured here');
    return 2;
  }
  try {
    const text = shippedModule(
      replaced(
        shipped,
        kinds.map((kind) => newest(kind.toLowerCase())),
      ),
    );
    if (text !== readFileSync(modulePath, 'utf8')) writeFileSync(modulePath, text);
    return 0;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    return 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
