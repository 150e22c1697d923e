// Files of strangers, damaged at random: bytes that flip, go and come, and JSON whose parts are dropped, changed and repeated.
import fc from 'fast-check';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One damage to bytes; places are shares of the length. */
type Damage =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'set'; at: number; value: number }
  | { kind: 'cut'; at: number }
  | { kind: 'remove' | 'repeat'; at: number; length: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array };

const share = fc.double({ min: 0, max: 1, noNaN: true });

/** @param head damages prefer the first so many bytes, where headers are */
export function damages(): fc.Arbitrary<Damage[]> {
  const damage: fc.Arbitrary<Damage> = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('set' as const), at: share, value: fc.nat(255) }),
    fc.record({ kind: fc.constant('cut' as const), at: share }),
    fc.record({
      kind: fc.constantFrom('remove' as const, 'repeat' as const),
      at: share,
      length: fc.integer({ min: 1, max: 64 }),
    }),
    fc.record({
      kind: fc.constant('insert' as const),
      at: share,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    }),
  );
  return fc.array(damage, { minLength: 1, maxLength: 4 });
}

/** @param head places are among the first so many bytes */
export function damaged(bytes: Uint8Array, list: readonly Damage[], head = bytes.length): Uint8Array {
  let now: Uint8Array = bytes.slice();
  for (const damage of list) {
    const at = Math.min(Math.floor(damage.at * Math.min(head, now.length)), Math.max(0, now.length - 1));
    const [before, after] = [now.subarray(0, at), now.subarray(at)];
    if (damage.kind === 'flip' && now.length > 0) now[at]! ^= 1 << damage.bit;
    else if (damage.kind === 'set' && now.length > 0) now[at] = damage.value;
    else if (damage.kind === 'cut') now = before.slice();
    else if (damage.kind === 'remove') now = joined(before, after.subarray(damage.length));
    else if (damage.kind === 'repeat') now = joined(before, after.subarray(0, damage.length), after);
    else if (damage.kind === 'insert') now = joined(before, damage.bytes, after);
  }
  return now;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** What stands where something else was expected. */
const strange: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 31,
  2 ** 53,
  '',
  'x',
  '12',
  '../../etc/passwd',
  '__proto__',
  [],
  {},
  [[[[]]]],
  { a: 1 },
  'a'.repeat(5000),
  Array.from({ length: 5000 }, (_, i) => i),
];

/** A text of JSON with one part dropped, replaced, repeated, nested or renamed, or the text itself damaged. */
export function jsonMutants(value: Json): fc.Arbitrary<string> {
  const paths = pathsOf(value);
  const change = fc.record({
    path: fc.constantFrom(...paths),
    kind: fc.constantFrom('drop', 'replace', 'rename', 'repeat', 'nest', 'grow'),
    value: fc.constantFrom(...strange),
  });
  const changed = fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    let text = JSON.stringify(value);
    for (const { path, kind, value: other } of changes) {
      const copy = JSON.parse(text) as Json;
      const parent = at(copy, path.slice(0, -1)) as Record<string, Json> | undefined;
      const key = path.at(-1)!;
      if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) continue;
      if (Array.isArray(parent) && (kind === 'grow' || kind === 'rename')) parent.push(other);
      else if (kind === 'drop') Reflect.deleteProperty(parent, key);
      else if (kind === 'replace') parent[key] = other;
      else if (kind === 'nest') parent[key] = { [key]: parent[key]! };
      else if (kind === 'grow') parent[`${key}${String(other).slice(0, 9)}`] = other;
      else if (kind === 'rename') {
        parent[`${key}_`] = parent[key]!;
        Reflect.deleteProperty(parent, key);
      }
      // Two equal keys, as no object of JavaScript holds them: the first is put in once more as text.
      const own = JSON.stringify(copy);
      text = kind === 'repeat' ? own.replace(`${JSON.stringify(key)}:`, `${JSON.stringify(key)}:1,$&`) : own;
    }
    return text;
  });
  const bombs = fc.constantFrom(
    '['.repeat(200_000),
    `{"a":${'{"a":'.repeat(100_000)}`,
    `[${'0,'.repeat(400_000)}0]`,
    '"'.repeat(9),
    `{"n":${'9'.repeat(100_000)}}`,
    '\ufeff{}',
    '',
    '   ',
    '<html>',
    'NaN',
  );
  const bytes = damages().map((list) =>
    new TextDecoder().decode(damaged(new TextEncoder().encode(JSON.stringify(value)), list)),
  );
  return fc.oneof({ weight: 8, arbitrary: changed }, { weight: 3, arbitrary: bytes }, { weight: 1, arbitrary: bombs });
}

function pathsOf(value: Json, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [[...path, key], ...pathsOf(each as Json, [...path, key])]);
}

function at(value: Json, path: readonly string[]): Json | undefined {
  let now: Json | undefined = value;
  for (const key of path)
    now = typeof now === 'object' && now !== null ? (now as Record<string, Json>)[key] : undefined;
  return now;
}
