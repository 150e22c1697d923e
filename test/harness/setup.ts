// Before any test: open a GPU once, so that a machine without one is told in one sentence and the software driver is unpacked.
// `npm test -- --adapter NAME` sets SHADERFORMER_ADAPTER; the test processes inherit the choice of drivers made here.

import { currentPlatform } from '../../src/runtime/platform/platform.ts';
import { isPackagedDriver } from '../../src/runtime/platform/software.ts';

export default async function setup(): Promise<void> {
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
}
