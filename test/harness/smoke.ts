// The smallest program that needs a GPU: eight numbers doubled. It runs unchanged in Node, Deno and Chromium.

import type { EntryTools } from '../../src/cli/elsewhere/entry.ts';
import { currentPlatform } from '../../src/runtime/platform/platform.ts';

export interface Smoke {
  platform: string;
  adapter: string;
  driver: string;
  numbers: number[];
}

const code = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) at: vec3u) { x[at.x] *= 2.0; }`;

/** @param args.adapter part of an adapter's name, as `--adapter` */
export async function main(args: unknown, tools: EntryTools): Promise<Smoke> {
  const { adapter: wanted } = args as { adapter?: string };
  const platform = await currentPlatform();
  const opened = await platform.openGPU({ adapter: wanted });
  const device = await opened.adapter.requestDevice();
  tools.print(`${platform.name}: ${opened.name}`);

  const size = 8 * 4;
  const x = device.createBuffer({
    size,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const result = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: x } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, result, 0, size);
  device.queue.submit([encoder.finish()]);

  await result.mapAsync(GPUMapMode.READ);
  const numbers = [...new Float32Array(result.getMappedRange())];
  device.destroy();
  return { platform: platform.name, adapter: opened.name, driver: opened.driver, numbers };
}
