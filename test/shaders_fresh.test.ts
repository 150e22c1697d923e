// src/shaders.gen.ts carries the text of shaders/ to every platform, so it must be the text of shaders/.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { modulePath, shaderModule } from '../scripts/make-shaders.ts';
import { readShaders } from '../scripts/shader-files.ts';
import { shaders } from '../src/shaders.gen.ts';

test('the generated module holds every kernel and snippet, to the letter', () => {
  const files = readShaders();
  const names = new Set([...files.keys(), ...Object.keys(shaders)]);
  expect(
    [...names].filter((name) => files.get(name) !== shaders[name]),
    'run: npm run shaders',
  ).toEqual([]);
});

test('the generated module is what the script writes', () => {
  const fresh = readFileSync(modulePath, 'utf8') === shaderModule(readShaders());
  expect(fresh, 'run: npm run shaders').toBe(true);
});

test('backquotes, backslashes and ${ in a kernel survive', () => {
  const text = `a \`b\` \\n $\{c} \\\` $ {d}\n`;
  const module = shaderModule(new Map([['x', text]]));
  const literal = module.slice(module.indexOf('`', module.indexOf("'x'")), module.lastIndexOf('`') + 1);
  expect(new Function(`return ${literal}`)()).toBe(text);
});
