// Deno: its own WebGPU (wgpu). It looks for drivers once a process, at the first request for an adapter, so what it shall see is
// decided before, from the driver files alone.

import { InputError } from '../../errors.ts';
import { adaptersOf, pickAdapter } from './choose.ts';
import { driverVariables, installedDrivers, setDriverVariables } from './drivers.ts';
import type { OpenedGPU, OpenOptions, Platform } from './platform.ts';
import { type AdapterReport, adapterName, adviceFor, isNamed, isSoftware, reportAdapter } from './report.ts';
import { isPackagedDriver, softwareVulkan, wantsPackaged } from './software.ts';

/** The part of Deno's own interface that is used here. */
interface DenoHost {
  dlopen(file: string, symbols: object): unknown;
  execPath(): string;
  Command: new (program: string, options: object) => { output(): Promise<{ success: boolean; stdout: Uint8Array }> };
}

const deno = (globalThis as unknown as { Deno: DenoHost }).Deno;
let chosen: string | undefined;

async function openGPU(options: OpenOptions = {}): Promise<OpenedGPU> {
  const first = chosen === undefined;
  chosen ??= chooseDrivers(options.adapter);
  const gpu = globalThis.navigator.gpu as GPU;
  try {
    const adapter = await pickAdapter(gpu, options.adapter, nothingHere());
    return {
      gpu,
      adapter,
      name: adapterName(adapter),
      software: isSoftware(adapter),
      driver: driverSentence(adapter, options.adapter),
      advice: adviceFor(adapter),
    };
  } catch (error) {
    const { message } = error as Error;
    if (first || !message.startsWith('adapter:')) throw error;
    throw new InputError(`${message} Deno loads its drivers once: another adapter needs another process.`);
  }
}

/**
 * Makes Deno's loader see the right drivers. @returns a sentence for the case that it finds none
 * One of the CPU joins the others only where no lavapipe is installed: SwiftShader would be listed before it, and chosen.
 */
function chooseDrivers(wanted: string | undefined): string {
  if (process.platform !== 'linux') return '';
  const installed = installedDrivers();
  const variables = driverVariables();
  // A process that chose SwiftShader has started this one: its choice stands unless another adapter is asked for.
  const overruled = wanted !== undefined && isPackagedDriver(variables.VK_ICD_FILENAMES);
  const named = Object.keys(variables).length > 0 && !overruled;
  // Without this an OpenGL driver may answer where no Vulkan driver does, with other limits and other results.
  process.env.DENO_WEBGPU_BACKEND ??= 'vulkan';
  try {
    const own = softwareVulkan();
    if (!hasLoader()) deno.dlopen(own.loader, {});
    if (overruled) setDriverVariables({});
    if (wantsPackaged(wanted) || (!named && installed.length === 0))
      setDriverVariables({ VK_ICD_FILENAMES: own.driverFile });
    else if (named) return `It looked for what ${Object.keys(variables).join(', ')} names.`;
    else if (!installed.some((file) => /lvp/.test(file))) setDriverVariables({ VK_ADD_DRIVER_FILES: own.driverFile });
    return `It looked for ${[...installed, `SwiftShader of ${own.origin}`].join(', ')}.`;
  } catch (error) {
    if (!(error instanceof InputError) || wantsPackaged(wanted)) throw error;
    return error.message; // the installed drivers may do without the package; if they do not, this says why there is none
  }
}

function hasLoader(): boolean {
  try {
    deno.dlopen('libvulkan.so.1', {});
    return true;
  } catch {
    return false;
  }
}

function driverSentence(adapter: GPUAdapter, wanted: string | undefined): string {
  const why = wanted
    ? 'because this adapter was asked for'
    : isSoftware(adapter)
      ? 'because no GPU was found'
      : 'because a GPU goes first';
  if (isNamed(adapter, 'swiftshader')) return `SwiftShader, a software driver for Vulkan, ${why}.`;
  if (isNamed(adapter, 'llvmpipe')) return `Mesa's lavapipe, an installed software driver for Vulkan, ${why}.`;
  return `The installed driver of the ${isSoftware(adapter) ? 'CPU' : 'GPU'}, ${why}.`;
}

function nothingHere(): string {
  const how = `Install a Vulkan driver (a GPU's own, or mesa-vulkan-drivers for the CPU).`;
  return `GPU: Deno found no adapter, expected one. ${process.platform === 'linux' ? how : 'Update the graphics driver.'} ${chosen}`.trim();
}

/**
 * Deno sees one choice of drivers a process, so two more processes look: one at the usual choice, one at the packaged driver.
 */
async function listAdapters(): Promise<AdapterReport[]> {
  const found = new Map<string, AdapterReport>();
  for (const wanted of [undefined, 'swiftshader']) {
    const program = `const { reportHere } = await import(${JSON.stringify(import.meta.url)});
      console.log(JSON.stringify(await reportHere(${JSON.stringify(wanted)})));`;
    const child = new deno.Command(deno.execPath(), { args: ['eval', '--no-lock', program], stderr: 'null' });
    const { success, stdout } = await child.output();
    if (!success) continue;
    for (const report of JSON.parse(new TextDecoder().decode(stdout)) as AdapterReport[])
      found.set(report.name, report);
  }
  return [...found.values()];
}

/** What this process can reach: for `listAdapters`, in a process of its own. */
export async function reportHere(wanted?: string): Promise<AdapterReport[]> {
  chosen ??= chooseDrivers(wanted);
  const adapters = await adaptersOf(globalThis.navigator.gpu as GPU);
  return adapters.map((adapter) => reportAdapter(adapter, driverSentence(adapter, wanted)));
}

export const platform: Platform = {
  name: 'deno',
  openGPU,
  listAdapters,
  pause: null,
};
