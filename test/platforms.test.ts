// The places where the project runs: one small program gives the same numbers in Node, Deno and Chromium, with nothing installed.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, type TestContext, test } from 'vitest';
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';
import type { Where } from '../src/cli/elsewhere/entry.ts';
import { runIn } from '../src/cli/elsewhere/run.ts';
import { InputError } from '../src/errors.ts';
import { installedDrivers } from '../src/runtime/platform/drivers.ts';
import { currentPlatform } from '../src/runtime/platform/platform.ts';
import { softwareVulkan } from '../src/runtime/platform/software.ts';
import type { Smoke } from './harness/smoke.ts';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const smoke = here('harness/smoke.ts');
const doubled = [2, 4, 6, 8, 10, 12, 14, 16];

/** Skips a test, with the reason, where a package of it is not made for this machine. */
function need(context: TestContext, ...parts: (() => unknown)[]): void {
  for (const part of parts) {
    try {
      part();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      context.skip(error.message);
    }
  }
}

const needs: Record<Where, (() => unknown)[]> = { node: [], deno: [denoProgram], chromium: [findChromium] };

for (const where of ['node', 'deno', 'chromium'] as const) {
  test(`eight numbers are doubled in ${where}`, async (context) => {
    need(context, ...needs[where]);
    const { lines, result } = await runIn(where, smoke, {});
    const { numbers, platform, adapter } = result as Smoke;
    expect(numbers).toEqual(doubled);
    expect(platform).toBe(where === 'chromium' ? 'browser' : where);
    expect(lines).toEqual([`${platform}: ${adapter}`]);
  });
}

for (const where of ['node', 'deno'] as const) {
  test(`SwiftShader can be asked for in ${where}, whatever is installed`, async (context) => {
    need(context, softwareVulkan, ...needs[where]);
    const { result } = await runIn(where, smoke, { adapter: 'swiftshader' });
    expect((result as Smoke).adapter).toMatch(/swiftshader/i);
    expect((result as Smoke).driver).toContain('because this adapter was asked for');
    expect((result as Smoke).numbers).toEqual(doubled);
  });

  test(`lavapipe can be asked for in ${where}, also after SwiftShader`, async (context) => {
    need(context, ...needs[where]);
    if (!installedDrivers().some((file) => file.includes('lvp'))) context.skip('lavapipe is not installed');
    const { result } = await runIn(where, smoke, { adapter: 'LLVMpipe' });
    expect((result as Smoke).adapter).toMatch(/^llvmpipe/);
    expect((result as Smoke).numbers).toEqual(doubled);
  });
}

for (const where of ['node', 'deno', 'chromium'] as const) {
  test(`an unknown adapter is refused in ${where} with the names of those that are here`, async (context) => {
    need(context, ...needs[where]);
    const refused = runIn(where, smoke, { adapter: 'gpu9' });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(
      /found none with "gpu9" in its name, expected a part of one of: .*(llvmpipe|swiftshader|\w+)/i,
    );
  });
}

test('every adapter is listed with its limits, and the choice made before stays', async () => {
  const platform = await currentPlatform();
  const before = await platform.openGPU();
  const adapters = await platform.listAdapters();
  expect(adapters.map(({ name }) => name)).toContain(before.name);
  for (const { limits, name } of adapters)
    expect(limits.maxStorageBufferBindingSize, name).toBeGreaterThanOrEqual(2 ** 27);
  expect((await platform.openGPU()).name).toBe(before.name);
});

test('two openings at once do not disturb each other', async (context) => {
  need(context, softwareVulkan);
  const platform = await currentPlatform();
  const [any, software] = await Promise.all([platform.openGPU(), platform.openGPU({ adapter: 'swiftshader' })]);
  expect(software!.name).toMatch(/swiftshader/i);
  expect((await platform.openGPU()).name).toBe(any!.name);
});

test('processes that unpack the software driver at once all find it whole', async (context) => {
  need(context, softwareVulkan);
  const cache = mkdtempSync(path.join(os.tmpdir(), 'shaderformer-'));
  const program = `const { softwareVulkan } = await import(${JSON.stringify(here('../src/runtime/platform/software.ts'))});
    const { statSync } = await import('node:fs');
    const { loader, driverFile } = softwareVulkan();
    console.log(statSync(loader).size, statSync(driverFile).size);`;
  writeFileSync(path.join(cache, 'unpack.mts'), program);
  try {
    const command = `for i in 1 2 3; do "${process.execPath}" --import tsx "${cache}/unpack.mts" & done; wait`;
    const said = execFileSync('sh', ['-c', command], {
      cwd: here('..'),
      env: { ...process.env, XDG_CACHE_HOME: cache },
    });
    const lines = said.toString().trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(new Set(lines).size).toBe(1);
    expect(readdirSync(path.join(cache, 'shaderformer'))).toEqual([expect.stringMatching(/^swiftshader-/)]);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
});

test('a cache that cannot be written is refused with what to do', (context) => {
  need(context, softwareVulkan);
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = smoke; // a file, so that no folder can be made in it, not even by root
  try {
    expect(softwareVulkan).toThrow(/cache folder .*: cannot unpack swiftshader-.*set XDG_CACHE_HOME/);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
});

test('a bundle for the browser holds no module of Node', async () => {
  const { outputFiles } = await build({
    entryPoints: [smoke],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  expect(outputFiles).toHaveLength(1);
  expect(outputFiles[0]!.text).not.toMatch(/['"]node:|dlopen/);
});
