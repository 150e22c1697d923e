// Whether every kernel compiles in both compilers: Tint here, naga in Deno. Messages name the file, line and column that a person edits.

import { fileURLToPath } from 'node:url';
import { InputError } from '../../errors.ts';
import { halved } from '../../schedule/kernel.ts';
import type { Compiled, CompileMessage, CompileTask, ShaderToCompile } from './compile_shaders.ts';
import type { Where } from './entry.ts';
import { runIn } from './run.ts';

export interface CheckedShader {
  /** `matmul`, `lib/fold`; with ` as f16` behind it where all storage types are changed, ` as f16 (Result)` where one of several is. */
  name: string;
  /** By compiler: `tint`, `naga`. */
  verdicts: Map<string, { outcome: Compiled['outcome']; reason: string }>;
  /** `shaders/matmul.wgsl:12:5: error (tint): unresolved value 'x'` */
  messages: string[];
  failed: boolean;
}

const compilers: [string, Where][] = [
  ['tint', 'node'],
  ['naga', 'deno'],
];

/**
 * Compiles every kernel, snippets appended, and every snippet.
 * @param shaders name (`matmul`, `lib/fold`) -> text @param adapter part of an adapter's name
 * @returns the verdicts in order of names, and a line for each compiler that is not here
 * @throws InputError where there is no adapter at all
 */
export async function checkShaders(
  shaders: ReadonlyMap<string, string>,
  adapter?: string,
): Promise<{ shaders: CheckedShader[]; homes: string[] }> {
  const sources = [...shaders.keys()].sort().flatMap((name) => assemble(name, shaders));
  const checked = new Map<string, CheckedShader>();
  for (const { name } of sources) checked.set(name, { name, verdicts: new Map(), messages: [], failed: false });
  const homes: string[] = [];
  for (const [compiler, where] of compilers) {
    const results = await compileIn(where, sources, adapter).catch((error) => {
      if (where === 'node' || !(error instanceof InputError)) throw error;
      homes.push(`${compiler}: skipped. ${error.message}`);
      const skipped = (name: string): Compiled => ({ name, outcome: 'skipped', reason: 'not here', messages: [] });
      return sources.map(({ name }) => skipped(name));
    });
    for (const [index, result] of results.entries()) {
      const shader = checked.get(result.name)!;
      shader.verdicts.set(compiler, { outcome: result.outcome, reason: result.reason });
      shader.failed ||= result.outcome === 'failed';
      shader.messages.push(...result.messages.map((message) => sentence(message, compiler, sources[index]!)));
    }
  }
  return { shaders: [...checked.values()], homes };
}

interface Source extends ShaderToCompile {
  /** The files it is made of, in order, with their numbers of lines. */
  parts: { file: string; lines: number }[];
}

/** A file with the snippets behind it that its `// lib:` line names, and those that they name, each once. */
function assemble(name: string, shaders: ReadonlyMap<string, string>): Source[] {
  const names = new Set([name]);
  for (const part of names) {
    const line = /^\/\/ lib:(.*)$/m.exec(shaders.get(part)!)?.[1] ?? '';
    for (const snippet of line.split(',').map((word) => `lib/${word.trim()}`)) {
      if (snippet === 'lib/') continue;
      if (!shaders.has(snippet))
        throw new InputError(
          `shaders/${part}.wgsl: names the snippet ${snippet}, expected a file shaders/${snippet}.wgsl. Write it, or mend the line.`,
        );
      names.add(snippet);
    }
  }
  const texts = [...names].map((part) => shaders.get(part)!);
  const source: Source = {
    name,
    code: texts.join('\n'),
    kernel: !name.startsWith('lib/'),
    parts: [...names].map((part, i) => ({ file: `shaders/${part}.wgsl`, lines: texts[i]!.split('\n').length })),
  };
  const aliases = [...source.code.matchAll(/^alias (\w+) = f32;/gm)].map((match) => match[1]!);
  if (!source.kernel || aliases.length === 0) return [source];
  // Where there are several, one may be f16 and another not.
  const mixed = aliases.length === 1 ? [] : aliases.map((alias) => [alias]);
  const halves = [aliases, ...mixed].map((chosen) => {
    const which = chosen === aliases ? '' : ` (${chosen.join()})`;
    return { ...source, name: `${name} as f16${which}`, code: halved(source.code, chosen) };
  });
  return [source, ...halves];
}

/** All results, also where a compiler takes its process down: the file it was at has failed, and the rest is compiled anew. */
async function compileIn(where: Where, sources: readonly Source[], adapter: string | undefined): Promise<Compiled[]> {
  const entry = fileURLToPath(import.meta.url).replace(/check_shaders(\.[jt]s)$/, 'compile_shaders$1');
  const shaders = sources.map(({ name, code, kernel }) => ({ name, code, kernel }));
  const task: CompileTask = { shaders, adapter, oneByOne: where === 'deno' };
  let at: string | undefined;
  try {
    const onLine = (name: string) => {
      at = name;
    };
    return (await runIn(where, entry, task, { onLine, quiet: true })).result as Compiled[];
  } catch (error) {
    if (at === undefined || error instanceof InputError) throw error;
    const index = sources.findIndex(({ name }) => name === at);
    const message = { type: 'error', line: 0, column: 0, text: (error as Error).message };
    const crashed: Compiled = { name: at, outcome: 'failed', reason: '', messages: [message] };
    const before = await compileIn(where, sources.slice(0, index), adapter);
    return [...before, crashed, ...(await compileIn(where, sources.slice(index + 1), adapter))];
  }
}

function sentence(message: CompileMessage, compiler: string, source: Source): string {
  let line = message.line;
  const part = source.parts.find(({ lines }) => {
    if (line <= lines) return true;
    line -= lines;
    return false;
  });
  const file = part?.file ?? source.parts[0]!.file;
  const place = message.line > 0 ? `${file}:${line}:${message.column}` : file;
  return `${place}: ${message.type} (${compiler}): ${message.text.trim()}`;
}
