// Before any test: open a GPU once, so that a machine without one is told in one sentence and the software driver is unpacked.
// `npm test -- --adapter NAME` sets SHADERFORMER_ADAPTER; the test processes inherit the choice of drivers made here.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { currentPlatform } from '../../src/runtime/platform/platform.ts';
import { cacheFolder, isPackagedDriver } from '../../src/runtime/platform/software.ts';

/** @returns what is done after the last test */
export default async function setup(): Promise<() => void> {
  const forget = withoutMeasuredKernels();
  const platform = await currentPlatform();
  const wanted = process.env.SHADERFORMER_ADAPTER;
  const usual = wanted ? (await platform.openGPU().catch(() => null))?.name : undefined;
  const { name, driver } = await platform.openGPU({ adapter: wanted });
  if (wanted && name !== usual && !isPackagedDriver(process.env.VK_ICD_FILENAMES)) {
    throw new Error(
      `--adapter ${wanted}: found ${name}, but tests would run on ${usual}. Hide that one with VK_ICD_FILENAMES.`,
    );
  }
  console.log(`Adapter: ${name}. ${driver}`);
  return forget;
}

/**
 * Where this machine's adapters have been measured (`devices --tune`), the tests get a cache folder without those tables, and all
 * else of it by links: which kernels a test runs must not depend on the machine.
 */
function withoutMeasuredKernels(): () => void {
  const theirs = cacheFolder();
  const names = fs.existsSync(theirs) ? fs.readdirSync(theirs) : [];
  const isTable = (name: string) => /^kernels-.*\.json$/.test(name);
  if (!names.some(isTable)) return () => {};
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shaderformer-cache-'));
  process.env.XDG_CACHE_HOME = folder;
  fs.mkdirSync(cacheFolder());
  for (const name of names) if (!isTable(name)) fs.symlinkSync(path.join(theirs, name), path.join(cacheFolder(), name));
  return () => fs.rmSync(folder, { recursive: true, force: true });
}
