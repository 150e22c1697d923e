// What TypeScript knows of a kernel is read from its WGSL text: names, binding numbers, access, sizes, tile, overrides.
// No binding index or byte offset is written by hand anywhere else.
import { SizeError } from '../errors.ts';
import { shaders } from '../shaders.gen.ts';

export interface Binding {
  name: string;
  index: number;
  access: 'read' | 'read_write' | 'uniform';
  /** The type of its elements as the text has it, vectors taken apart: f32, i32, u32 or the name of an alias of f32. */
  element: string;
}

export interface SizeField {
  name: string;
  type: 'u32' | 'i32' | 'f32';
  offset: number;
}

export interface Kernel {
  name: string;
  /** The file and, behind it, the snippets that its `// lib:` line names: compiler messages keep the file's line numbers. */
  code: string;
  /** Lines of the file itself, before the snippets. */
  ownLines: number;
  bindings: readonly Binding[];
  /** Bindings that may be left out, from the `// optional:` line. The kernel is told by a size field. */
  optional: ReadonlySet<string>;
  /** Bindings whose words may be of any type, from the `// any type:` line: the kernel moves bits. */
  anyType: ReadonlySet<string>;
  /** Fields of `struct Sizes`, in bytes from its start. */
  sizes: readonly SizeField[];
  sizeBytes: number;
  /** Aliases of f32 that are the element type of a binding: each may become f16, by what is bound. See halved(). */
  aliases: readonly string[];
  /** Elements one workgroup covers along x, y, z. */
  tile: readonly [number, number, number];
  /** It puts its index together with lib/fold: a grid of one axis may be folded into rows. */
  folds: boolean;
  overrides: ReadonlySet<string>;
  /** Features that `enable` lines ask for. */
  features: readonly string[];
}

const known = new Map<string, Kernel>();

/** The reflected kernel of that name. @throws Error if there is no such file or it breaks a rule of the house */
export function kernel(name: string): Kernel {
  let found = known.get(name);
  if (!found) known.set(name, (found = reflect(name, shaders[name] ?? missing(name))));
  return found;
}

function missing(name: string): never {
  throw new Error(`there is no kernel "${name}" in shaders/`);
}

/** Reads one WGSL text. Exported for the tests. */
export function reflect(name: string, text: string): Kernel {
  const source = text.replace(/\/\/.*$/gm, '');
  const bindings: Binding[] = [];
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var<(storage|uniform)(?:,\s*(read|read_write))?>\s*(\w+)\s*:([^;]*);/g;
  for (const [, index, space, access, variable, type] of source.matchAll(pattern)) {
    const mode = space === 'uniform' ? 'uniform' : ((access ?? 'read') as 'read' | 'read_write');
    bindings.push({ name: variable!, index: Number(index), access: mode, element: elementOf(type!) });
  }
  const declared = [...source.matchAll(/^\s*alias\s+(\w+)\s*=\s*f32\s*;/gm)].map((m) => m[1]!);
  const fields = /struct\s+Sizes\s*\{([^}]*)\}/.exec(source)?.[1] ?? '';
  const sizes = [...fields.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, field, type], i) => {
    if (type !== 'u32' && type !== 'i32' && type !== 'f32')
      throw new Error(`${name}.wgsl: Sizes.${field} is ${type}; only u32, i32 and f32 are reflected`);
    return { name: field!, type, offset: 4 * i } as const;
  });
  if (bindings.some((b) => b.access === 'uniform') !== sizes.length > 0)
    throw new Error(`${name}.wgsl: the uniform binding and struct Sizes go together`);
  if (4 * sizes.length > MAX_SIZE_BYTES)
    throw new Error(`${name}.wgsl: Sizes has ${sizes.length} fields, a plan has room for ${MAX_SIZE_BYTES / 4}`);
  return {
    name,
    code: [text, ...snippetsOf(name, text)].join('\n'),
    ownLines: text.replace(/\n$/, '').split('\n').length,
    bindings,
    optional: new Set(listed(text, 'optional')),
    anyType: new Set(listed(text, 'any type')),
    aliases: declared.filter((alias) => bindings.some((b) => b.element === alias)),
    sizes,
    sizeBytes: Math.max(16, Math.ceil((4 * sizes.length) / 16) * 16),
    tile: ['X', 'Y', 'Z'].map((axis) => tileOf(source, axis)) as [number, number, number],
    folds: listed(text, 'lib').includes('fold'),
    overrides: new Set([...source.matchAll(/override\s+(\w+)/g)].map((m) => m[1]!)),
    features: [...source.matchAll(/enable\s+(\w+)\s*;/g)].map((m) => (m[1] === 'f16' ? 'shader-f16' : m[1]!)),
  };
}

/** `array<vec4<Storage>>` -> Storage, `array<vec4f>` -> f32. */
function elementOf(type: string): string {
  const inner = type.replace(/\b(array|atomic|vec[234])\b|[<>\s]|,.*$/g, '');
  const short = /^vec[234]([fiu])$/.exec(inner)?.[1];
  return short ? `${short}32` : inner;
}

/** The text of a kernel in which these aliases of f32 are f16. On the first line `enable` moves no line number. */
export function halved(code: string, aliases: readonly string[]): string {
  if (aliases.length === 0) return code;
  const pattern = new RegExp(`^(\\s*alias\\s+(?:${aliases.join('|')})\\s*=\\s*)f32(\\s*;)`, 'gm');
  return `enable f16; ${code.replace(pattern, '$1f16$2')}`;
}

function tileOf(source: string, axis: string): number {
  const found = new RegExp(`const\\s+TILE_${axis}\\s*(?::\\s*u32\\s*)?=\\s*(\\d+)`).exec(source);
  return found ? Number(found[1]) : 1;
}

/** The names of a header line such as `// lib: fold, gelu`. */
function listed(text: string, keyword: string): string[] {
  const line = new RegExp(`^// ${keyword}:(.*)$`, 'm').exec(text)?.[1] ?? '';
  return line
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean);
}

/** The snippets a file asks for, and those that they ask for, each once. */
function snippetsOf(name: string, text: string): string[] {
  const wanted = new Map<string, string>();
  const visit = (code: string) => {
    for (const snippet of listed(code, 'lib')) {
      if (wanted.has(snippet)) continue;
      const body = shaders[`lib/${snippet}`];
      if (body === undefined) throw new Error(`${name}.wgsl: there is no snippet shaders/lib/${snippet}.wgsl`);
      wanted.set(snippet, body);
      visit(body);
    }
  };
  visit(text);
  return [...wanted.values()];
}

/** Room for the Sizes of one dispatch in a plan's uniforms: bytes between two of them, WebGPU's default alignment. */
export const MAX_SIZE_BYTES = 256;

/** WebGPU's limit of workgroups along one axis of a dispatch. */
const MAX_WORKGROUPS = 65535;

/**
 * Workgroups that cover `threads`. A kernel of one axis that needs more than an axis allows is folded into rows along y;
 * lib/fold.wgsl puts the index together again.
 * @throws InputError if there are too many all the same
 */
export function gridOf(
  { name, tile, folds }: Kernel,
  threads: readonly [number, number?, number?],
): [number, number, number] {
  const [x = 1, y = 1, z = 1] = tile.map((t, i) => Math.ceil((threads[i] ?? 1) / t));
  if (x <= MAX_WORKGROUPS && y <= MAX_WORKGROUPS && z <= MAX_WORKGROUPS) return [x, y, z];
  if (folds && y === 1 && z === 1) {
    const rows = Math.ceil(x / MAX_WORKGROUPS);
    if (rows <= MAX_WORKGROUPS) return [Math.ceil(x / rows), rows, 1];
  }
  throw new SizeError(
    `${name}: needs a grid of (${x},${y},${z}) workgroups, WebGPU allows ${MAX_WORKGROUPS} an axis. Use a smaller batch or context.`,
  );
}

/** The bytes of a kernel's Sizes. @throws Error on a missing or unknown field */
export function packSizes(k: Kernel, values: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(k.sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const { name, type, offset } of k.sizes) {
    const value = values[name];
    if (value === undefined) throw new Error(`${k.name}: size "${name}" is not given`);
    if (type === 'f32') view.setFloat32(offset, value, true);
    else if (type === 'i32' && value === (value | 0)) view.setInt32(offset, value, true);
    else if (type === 'u32' && value === value >>> 0) view.setUint32(offset, value, true);
    else throw new Error(`${k.name}: size "${name}" is ${value}, not a 32-bit whole number`);
  }
  for (const name of Object.keys(values)) {
    if (!k.sizes.some((f) => f.name === name)) throw new Error(`${k.name}: Sizes has no field "${name}"`);
  }
  return bytes;
}
