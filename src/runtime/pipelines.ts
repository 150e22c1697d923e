// Compiling kernels: one pipeline for each (kernel, aliases that are f16, override values), compiled asynchronously and in parallel, kept for ever.
import { halved, type Kernel, kernel } from '../schedule/kernel.ts';
import type { PlannedDispatch } from '../schedule/plan.ts';

export interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** Called as pipelines become ready: "compiling kernel `done` of `total`". */
export type CompileProgress = (done: number, total: number) => void;

export class Pipelines {
  #device: GPUDevice;
  #ready = new Map<string, Pipeline>();
  #layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(d: PlannedDispatch): Pipeline {
    return this.#ready.get(keyOf(d))!;
  }

  /** Compiles what `dispatches` need and is not there yet. @throws Error with file, line and column if a kernel does not compile */
  async prepare(dispatches: readonly PlannedDispatch[], progress?: CompileProgress): Promise<void> {
    const missing = new Map(dispatches.filter((d) => !this.#ready.has(keyOf(d))).map((d) => [keyOf(d), d]));
    let done = 0;
    if (missing.size > 0) progress?.(0, missing.size);
    await Promise.all(
      [...missing].map(async ([key, d]) => {
        this.#ready.set(key, await this.#compile(kernel(d.kernel), d));
        progress?.(++done, missing.size);
      }),
    );
  }

  async #compile(k: Kernel, { constants, half }: PlannedDispatch): Promise<Pipeline> {
    this.#device.pushErrorScope('validation');
    const module = this.#device.createShaderModule({ label: k.name, code: halved(k.code, half) });
    const scope = this.#device.popErrorScope();
    const { group, pipeline: layout } = this.#layout(k);
    try {
      const pipeline = await this.#device.createComputePipelineAsync({
        label: k.name,
        layout,
        compute: { module, entryPoint: 'main', constants: { ...constants } },
      });
      await scope;
      return { pipeline, layout: group };
    } catch (error) {
      const messages = (await module.getCompilationInfo()).messages.map(
        (m) => `shaders/${k.name}.wgsl:${m.lineNum}:${m.linePos}: ${m.message}`,
      );
      await scope;
      throw new Error(
        messages.length > 0 ? messages.join('\n') : `shaders/${k.name}.wgsl: ${(error as Error).message}`,
      );
    }
  }

  /**
   * One layout for all kernels with like bindings. The size of the uniform is a part of it: wgpu keeps checking it against the
   * kernel that used the layout before.
   */
  #layout({ bindings, sizeBytes }: Kernel) {
    const sizeOf = (access: string) => (access === 'uniform' ? sizeBytes : 0);
    const key = bindings.map((b) => `${b.index}${b.access}${sizeOf(b.access)}`).join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      const group = this.#device.createBindGroupLayout({
        entries: bindings.map(({ index, access }) => ({
          binding: index,
          visibility: GPUShaderStage.COMPUTE,
          buffer: {
            type: access === 'uniform' ? 'uniform' : access === 'read' ? 'read-only-storage' : 'storage',
            minBindingSize: sizeOf(access),
          },
        })),
      });
      layout = { group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

function keyOf(d: PlannedDispatch): string {
  return `${d.kernel} ${d.half.join()} ${JSON.stringify(d.constants)}`;
}
