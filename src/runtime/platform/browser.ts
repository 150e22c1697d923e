// A page or a worker: the browser has chosen the driver, we can only ask for one of its adapters.

import { InputError } from '../../errors.ts';
import { adaptersOf, pickAdapter } from './choose.ts';
import type { OpenedGPU, OpenOptions, Platform } from './platform.ts';
import { type AdapterReport, adapterName, isSoftware, reportAdapter } from './report.ts';

const driver = 'The driver is the one that the browser chose.';

async function openGPU(options: OpenOptions = {}): Promise<OpenedGPU> {
  const gpu = theGPU();
  const nothing =
    'WebGPU: the browser has no adapter for this page, expected one. Update the graphics driver, or try another browser.';
  const adapter = await pickAdapter(gpu, options.adapter, nothing);
  return {
    gpu,
    adapter,
    name: adapterName(adapter),
    software: isSoftware(adapter),
    driver,
    advice: isSoftware(adapter)
      ? 'Faster: turn on graphics acceleration in the settings of the browser, or use a machine with a GPU.'
      : null,
  };
}

async function listAdapters(): Promise<AdapterReport[]> {
  return (await adaptersOf(theGPU())).map((adapter) => reportAdapter(adapter, driver));
}

function theGPU(): GPU {
  const gpu = globalThis.navigator?.gpu as GPU | undefined;
  if (gpu) return gpu;
  throw new InputError(
    globalThis.isSecureContext === false
      ? 'WebGPU: this address is not secure, expected https or 127.0.0.1. Open the page at such an address.'
      : 'WebGPU: this browser does not have it, expected Chrome or Edge 113, Safari 26 or Firefox 141, or later. Update it, or use one of these.',
  );
}

export const platform: Platform = {
  name: 'browser',
  openGPU,
  listAdapters,
  pause: null,
};
