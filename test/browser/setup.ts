// Before the checks: the page is built once and served on loopback; its address goes to the test processes by their environment.
import { buildPage } from '../../src/cli/demo/build.ts';
import { servePage } from '../../src/cli/demo/serve.ts';

/** A path below the root, as a page on a static host has. */
const UNDER = '/pages/shaderformer/';

/** @returns what is done after the last test */
export default async function setup(): Promise<() => Promise<void>> {
  const { files, firstLoadBytes } = await buildPage();
  const served = await servePage(files, { under: UNDER });
  process.env.SHADERFORMER_PAGE = served.address;
  process.env.SHADERFORMER_FIRST_LOAD = String(firstLoadBytes);
  return () => served.close();
}
