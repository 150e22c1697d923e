// What an adapter is and can do, as plain data: for `devices`, run folders and messages. Pure: it only reads the adapter.

export interface AdapterReport {
  name: string;
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  software: boolean;
  /** Which driver it comes from, and how it was reached. */
  driver: string;
  subgroupMinSize: number | null;
  subgroupMaxSize: number | null;
  features: string[];
  /** The limits that kernels meet, in bytes or counts. */
  limits: Record<string, number>;
}

const mainLimits = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxUniformBufferBindingSize',
  'minStorageBufferOffsetAlignment',
  'minUniformBufferOffsetAlignment',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** True where the adapter runs on the CPU. Old implementations keep the answer on the adapter instead of its info. */
export function isSoftware(adapter: GPUAdapter): boolean {
  const old = adapter as { isFallbackAdapter?: boolean };
  return adapter.info.isFallbackAdapter ?? old.isFallbackAdapter ?? false;
}

/**
 * What people call an adapter. Implementations fill the four fields of `info` differently: Dawn puts the driver in `description`,
 * Deno the card's name, browsers leave out all but vendor and architecture.
 */
export function adapterName(adapter: GPUAdapter): string {
  const { vendor, architecture, device, description } = adapter.info;
  if (isSoftware(adapter) && description) return description;
  const card = /[a-z]/i.test(device) ? device : [vendor, architecture].filter((part) => /[a-z]/i.test(part)).join(' ');
  if (!description) return card || 'unnamed adapter';
  return card ? `${card} (${description})` : description;
}

/** True where `wanted` (any case) is a part of one of the adapter's names. */
export function isNamed(adapter: GPUAdapter, wanted: string): boolean {
  const { vendor, architecture, device, description } = adapter.info;
  return [adapterName(adapter), vendor, architecture, device, description]
    .join('\n')
    .toLowerCase()
    .includes(wanted.toLowerCase());
}

/** One adapter as plain data. */
export function reportAdapter(adapter: GPUAdapter, driver: string): AdapterReport {
  const info = adapter.info;
  const limits = adapter.limits as unknown as Record<string, number>;
  return {
    name: adapterName(adapter),
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    software: isSoftware(adapter),
    driver,
    subgroupMinSize: info.subgroupMinSize ?? null,
    subgroupMaxSize: info.subgroupMaxSize ?? null,
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(mainLimits.map((name) => [name, limits[name] ?? 0])),
  };
}

/** How to get a faster adapter than this one, or null where it is a GPU. */
export function adviceFor(adapter: GPUAdapter): string | null {
  if (!isSoftware(adapter)) return null;
  const card = 'a machine with a GPU and its Vulkan driver';
  return isNamed(adapter, 'swiftshader')
    ? `Faster: Mesa's lavapipe, 4 to 10 times this one (package mesa-vulkan-drivers; 25 works, 22 is too old), or ${card}.`
    : `Faster: ${card}.`;
}

/** Dawn's name of products of small matrices in hardware, which a standard may give another. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Which ones an adapter can compute: `16x16x16 f16 f32` is M x N x K, the type of the factors, that of the result. */
export function subgroupMatricesOf(info: GPUAdapterInfo): string[] {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> };
  return Array.from(
    subgroupMatrixConfigs,
    ({ M, N, K, componentType, resultComponentType }) => `${M}x${N}x${K} ${componentType} ${resultComponentType}`,
  );
}

interface SubgroupMatrixConfig {
  M: number;
  N: number;
  K: number;
  componentType: string;
  resultComponentType: string;
}
