// Where are we, and how does one open a GPU here? Node (Dawn), Deno (wgpu) and browsers differ in this folder and nowhere else:
// the rest of runtime/ takes what `openGPU` returns.

import type { AdapterReport } from './report.ts';

export interface OpenOptions {
  /** Part of the adapter's name, in any case: `llvmpipe`, `swiftshader`, `nvidia`. Left out: the fastest kind found, a GPU before a CPU. */
  adapter?: string | undefined;
  /** Default true: steps that are known to fail, and would print a driver's warnings, are left out. */
  quiet?: boolean | undefined;
}

export interface OpenedGPU {
  gpu: GPU;
  /** Fresh: one adapter gives one device, so a lost device needs another `openGPU`. */
  adapter: GPUAdapter;
  /** What people call it: `llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)`, `SwiftShader driver 5.0.0`. */
  name: string;
  /** True where the adapter runs on the CPU. */
  software: boolean;
  /** Which driver was loaded and why, one sentence. */
  driver: string;
  /** How to get a faster one, or null where this is a GPU. */
  advice: string | null;
}

export interface Platform {
  name: 'node' | 'deno' | 'browser';
  /** @throws InputError where there is no adapter, or none of that name: the message lists those that are here. */
  openGPU(options?: OpenOptions): Promise<OpenedGPU>;
  /** Every adapter that can be reached here, the packaged software one included. May take a second. */
  listAdapters(): Promise<AdapterReport[]>;
  /** Holds the thread for milliseconds, where a pending promise of the GPU keeps it spinning; null where it costs nothing. */
  pause: ((milliseconds: number) => Promise<void>) | null;
}

interface PlatformModule {
  platform: Platform;
}

/** The platform this program runs on. */
export async function currentPlatform(): Promise<Platform> {
  if ('Deno' in globalThis) return (await hostModule('deno')).platform;
  if (typeof process === 'object' && process.versions?.node) return (await hostModule('node')).platform;
  return (await import('./browser.ts')).platform;
}

// The address is put together at run time, so that a bundler for the browser does not follow it to `node:` modules.
function hostModule(name: 'node' | 'deno'): Promise<PlatformModule> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const address = new URL(`./${name}.${extension}`, import.meta.url).href;
  return import(/* @vite-ignore */ address) as Promise<PlatformModule>;
}
