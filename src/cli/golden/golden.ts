// `golden DIR`: every kernel case and trace of a folder of reference values, a line a case.
import { fileURLToPath } from 'node:url';
import { printable } from '../../data/printable.ts';
import { defineCommand } from '../command.ts';
import { DTYPE_FLAG } from '../dtype.ts';
import { runIn } from '../elsewhere/run.ts';
import { defineFlags } from '../flags.ts';
import { compilingText, kernelTable } from '../open_device.ts';
import { diskStore } from '../tune/disk_store.ts';
import type { GoldenResult, GoldenTask } from './entry.ts';
import type { CaseResult } from './run_golden.ts';

export const golden = defineCommand({
  name: 'golden',
  summary: 'checks kernels and whole training runs against reference values',
  positionals: [{ name: 'DIR', help: 'the folder with index.json', required: true }],
  examples: ['golden test/golden', 'golden test/golden --only matmul,softmax/8x16,gpt2 --in deno'],
  flags: defineFlags([
    {
      name: 'only',
      type: 'text',
      placeholder: 'NAME[,NAME]',
      example: 'matmul,softmax/8x16,gpt2',
      help: 'some of it: an op, a case as op/case, or a trace',
    },
    { ...DTYPE_FLAG, default: 'f32' },
    {
      name: 'in',
      type: 'choice',
      choices: ['node', 'deno', 'chromium'],
      default: 'node',
      help: 'where the kernels run',
    },
  ]),
  async run({ out, env }, flags, [dir]) {
    const names = (flags.only ?? '').split(',').map((name) => name.trim());
    const task: GoldenTask = {
      only: names.filter(Boolean),
      adapter: flags.adapter,
      limits: flags.limits,
      dtype: flags.dtype,
      kernels: flags.kernels === 'auto' ? null : kernelTable(flags.kernels),
      measured: flags.kernels === 'auto' ? diskStore(env).tables((line) => out.note(printable(line, true))) : [],
    };
    const entry = fileURLToPath(import.meta.url).replace(/golden(\.[jt]s)$/, 'entry$1');
    const { result } = await runIn(flags.in, entry, task, {
      files: dir!,
      onLine: (line) => {
        const found = JSON.parse(line) as CaseResult | { compiling: [number, number] };
        if ('compiling' in found) return out.status(compilingText(...found.compiling));
        out.status('');
        if (out.json) out.emit(found.ok === null || !found.ok ? found : { ...found, detail: undefined });
        else out.print(printable(lineOf(found)));
      },
    });
    const { passed, failed, skipped, adapter, kernelsFrom } = result as GoldenResult;
    out.note(`adapter: ${printable(adapter, true)}`);
    out.note(`kernels: ${flags.kernels === 'auto' ? kernelsFrom : `given: --kernels ${flags.kernels}`}`);
    out.emit({ passed, failed, skipped });
    out.print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 ? 1 : 0;
  },
});

/** `ok       0.12  matmul/nn_64x80x48`: the error over its tolerance; a failure or a skipped case says why behind it. */
export function lineOf({ case: name, op, ok, worst, detail }: CaseResult): string {
  const id = op === 'trace' ? `trace ${name}` : `${op}/${name}`;
  if (ok === null) return `skipped        ${id}: ${detail}`;
  // A NaN is written as null in JSON, which carries these lines.
  const figure = worst === null || Number.isNaN(worst) ? 'NaN' : worst.toPrecision(3);
  const line = `${ok ? 'ok    ' : 'FAILED'} ${figure.padStart(7)} ${id}`;
  return ok && op !== 'trace' ? line : `${line}  ${detail}`;
}
