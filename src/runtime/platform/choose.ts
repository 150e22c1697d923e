// Choosing among the adapters that a `navigator.gpu` gives, and the refusal of a name that none of them has.

import { InputError } from '../../errors.ts';
import { adapterName, isNamed } from './report.ts';

/** The adapters a `navigator.gpu` gives, fastest first. They are found by preference, the only choice the interface has. */
export async function adaptersOf(gpu: GPU): Promise<GPUAdapter[]> {
  const asked: GPURequestAdapterOptions[] = [
    { powerPreference: 'high-performance' },
    { powerPreference: 'low-power' },
    { forceFallbackAdapter: true },
  ];
  const found = new Map<string, GPUAdapter>();
  for (const options of asked) {
    const adapter = await gpu.requestAdapter(options);
    if (adapter && !found.has(adapterName(adapter))) found.set(adapterName(adapter), adapter);
  }
  return [...found.values()];
}

/**
 * The adapter of that name, by default the fastest.
 * @throws InputError listing the adapters that are here
 */
export async function pickAdapter(gpu: GPU, wanted: string | undefined, nothing: string): Promise<GPUAdapter> {
  if (!wanted) {
    const adapter =
      (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ??
      (await gpu.requestAdapter({ forceFallbackAdapter: true }));
    if (!adapter) throw new InputError(nothing);
    return adapter;
  }
  const all = await adaptersOf(gpu);
  const match = all.find((adapter) => isNamed(adapter, wanted));
  if (!match) throw noSuchAdapter(wanted, all.map(adapterName), nothing);
  return match;
}

/** The refusal of an adapter's name; `nothing` is the sentence for a machine that has none at all. */
export function noSuchAdapter(wanted: string, names: string[], nothing: string): InputError {
  if (names.length === 0) return new InputError(nothing);
  return new InputError(
    `adapter: found none with "${wanted}" in its name, expected a part of one of: ${names.join('; ')}. Name one of them, or leave the choice to the program.`,
  );
}
