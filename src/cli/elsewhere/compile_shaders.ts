// Compiles kernels with the WebGPU of the place where it runs: Tint in Node and Chromium, naga in Deno. An entry for `runIn`.

import { currentPlatform } from '../../runtime/platform/platform.ts';
import { SUBGROUP_MATRIX } from '../../runtime/platform/report.ts';
import type { EntryTools } from './entry.ts';

export interface ShaderToCompile {
  name: string;
  code: string;
  /** False for a snippet: it is checked, but no pipeline is made of it. */
  kernel: boolean;
}

export interface CompileTask {
  shaders: ShaderToCompile[];
  adapter?: string | undefined;
  /** One after the other, so that a compiler that takes the process down can be held to the last name printed. */
  oneByOne: boolean;
}

export interface CompileMessage {
  type: string;
  /** From 1; 0 where the compiler does not say. */
  line: number;
  column: number;
  text: string;
}

export interface Compiled {
  name: string;
  outcome: 'ok' | 'failed' | 'skipped';
  /** Why it was skipped. */
  reason: string;
  messages: CompileMessage[];
}

/** WGSL's `enable` names and the features that allow them. */
const featureOf = new Map<string, typeof SUBGROUP_MATRIX>([
  ['f16', 'shader-f16'],
  ['subgroups', 'subgroups'],
  ['chromium_experimental_subgroup_matrix', SUBGROUP_MATRIX],
]);

/** @param args a CompileTask @returns a Compiled for each shader, in order. Limits are WebGPU's defaults, which every adapter has. */
export async function main(args: unknown, tools: EntryTools): Promise<Compiled[]> {
  const { shaders, adapter: wanted, oneByOne } = args as CompileTask;
  const { gpu, adapter } = await (await currentPlatform()).openGPU({ adapter: wanted });
  const features = [...featureOf.values()].filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ requiredFeatures: features });

  const compile = async ({ name, code, kernel }: ShaderToCompile): Promise<Compiled> => {
    const reason = whySkip(
      code,
      device.features as ReadonlySet<string>,
      gpu.wgslLanguageFeatures as ReadonlySet<string> | undefined,
    );
    if (reason) return { name, outcome: 'skipped', reason, messages: [] };
    if (oneByOne) tools.print(name);
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code, label: name });
    const scope = device.popErrorScope();
    const info = await module.getCompilationInfo();
    const messages: CompileMessage[] = info.messages.map((m) => ({
      type: m.type,
      line: m.lineNum,
      column: m.linePos,
      text: m.message,
    }));
    const complain = (text: string) => {
      if (!messages.some(({ type }) => type === 'error')) messages.push({ type: 'error', line: 0, column: 0, text });
    };
    const error = await scope;
    if (error) complain(error.message);
    else if (kernel) {
      const compute = { module, entryPoint: 'main' };
      await device
        .createComputePipelineAsync({ label: name, layout: 'auto', compute })
        .catch((e) => complain(e.message));
    }
    return { name, outcome: messages.some(({ type }) => type === 'error') ? 'failed' : 'ok', reason: '', messages };
  };

  const compiled: Compiled[] = [];
  if (oneByOne) for (const shader of shaders) compiled.push(await compile(shader));
  else compiled.push(...(await Promise.all(shaders.map(compile))));
  device.destroy();
  return compiled;
}

/** What a file asks for by `enable` or `requires` that is not here, as a reason to skip it; else an empty text. */
function whySkip(code: string, features: ReadonlySet<string>, language: ReadonlySet<string> | undefined): string {
  const source = code.replace(/\/\/.*$/gm, '');
  const named = (word: string) =>
    [...source.matchAll(new RegExp(`^\\s*${word}\\s+([\\w\\s,]+);`, 'gm'))].flatMap((m) =>
      m[1]!.split(',').map((s) => s.trim()),
    );
  for (const name of named('enable')) {
    if (!features.has(featureOf.get(name) ?? name)) return `the adapter has no ${featureOf.get(name) ?? name}`;
  }
  for (const name of named('requires')) {
    if (!language?.has(name)) return `the compiler has no ${name}`;
  }
  return '';
}
