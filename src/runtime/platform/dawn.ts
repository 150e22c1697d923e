// Dawn, the WebGPU of Chrome as a Node package, and the traps of calling it: it is a native library that reads the real environment.

import os from 'node:os';
import { InputError } from '../../errors.ts';

/** Timestamps to the nanosecond, where a device asks for them; else Dawn rounds them to 65 microseconds, as a page must. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization';
/** Features that no standard has yet are offered: products of small matrices in hardware. */
const EXPERIMENTS = 'enable-dawn-features=allow_unsafe_apis';
const OPTIONS = [EXACT_TIMES, EXPERIMENTS];

// Collected, an object from `create` takes the process down while a device of it lives.
const kept: GPU[] = [];

export interface Dawn {
  gpu: GPU;
  adapter: GPUAdapter;
}

/**
 * A fresh `GPU` on the drivers of the present environment, and its fastest adapter. Fresh, because an old one keeps its first answer,
 * also when that was "none".
 * @param part of an adapter's name as Dawn spells it
 * @returns the names that are there (`llvmpipe (LLVM 15.0.6, 256 bits)`) where none matches, empty where there is no adapter
 */
export async function requestDawn(part?: string): Promise<Dawn | string[]> {
  const { create } = await loadDawn();
  const gpu = create(part === undefined ? OPTIONS : [...OPTIONS, `adapter=${part}`]);
  kept.push(gpu);
  try {
    const adapter = await requestAgain(gpu);
    return adapter ? { gpu, adapter } : [];
  } catch (error) {
    // "no suitable backends found\nAvailable adapters:\n * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'"
    const names = [...String(error).matchAll(/name: '(.*)'/g)].map((match) => match[1]!);
    if (names.length === 0) throw error;
    return names;
  }
}

/** Another adapter of the same kind, for another device. */
export async function requestAgain(gpu: GPU): Promise<GPUAdapter | null> {
  return gpu.requestAdapter({ powerPreference: 'high-performance' });
}

/** The names of all adapters. Dawn has no call for it; it lists them when it refuses a name. */
export async function dawnNames(): Promise<string[]> {
  const result = await requestDawn('no adapter has this name');
  return Array.isArray(result) ? result : [];
}

/**
 * Loads a Vulkan loader so that it stays: Dawn's own `dlopen("libvulkan.so.1")` then finds it by its name.
 * 0x1000 is glibc's RTLD_NODELETE. Node complains that this is no module of its kind, and the library stays loaded.
 */
export function preloadLoader(file: string): void {
  try {
    process.dlopen({ exports: {} }, file, os.constants.dlopen.RTLD_NOW | 0x1000);
  } catch {}
}

/** Mesa prints a warning where XDG_RUNTIME_DIR is not set. It is read when adapters are listed. */
export async function withRuntimeFolder<T>(work: () => Promise<T>): Promise<T> {
  if (process.env.XDG_RUNTIME_DIR !== undefined) return work();
  process.env.XDG_RUNTIME_DIR = os.tmpdir();
  try {
    return await work();
  } finally {
    delete process.env.XDG_RUNTIME_DIR;
  }
}

async function loadDawn(): Promise<{ create(options: string[]): GPU }> {
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    return { create };
  } catch (error) {
    const reason = String((error as Error).message).split('\n')[0];
    throw new InputError(
      `webgpu: the package cannot be loaded here (${reason}). It needs glibc 2.34 and libstdc++ of GCC 12 or later (Debian 12, Ubuntu 22.04), macOS or Windows; run npm install where it is missing.`,
    );
  }
}
