// Runs the cases of a golden folder on any machine: each kernel case against its tensors, each trace against its whole training run.
import type { Machine } from '../../autograd/machine.ts';
import { InputError, RunError } from '../../errors.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { nearest } from '../nearest.ts';
import {
  type FileSource,
  FolderError,
  GoldenFolder,
  type GoldenTensor,
  type KernelCase,
  type TraceCase,
} from './folder.ts';
import { hostCases } from './host_case.ts';
import { runDifferentiable } from './kernel_case.ts';
import { differentiable } from './kernel_ops.ts';
import { optimizerCases } from './optimizer_case.ts';
import { runTrace, whyNotTrace } from './trace.ts';
import { compare, passes, type Result, type Verdict, worstOf } from './verdict.ts';

export interface CaseResult {
  case: string;
  /** An op, or "trace". */
  op: string;
  /** null where the case was skipped. */
  ok: boolean | null;
  /** Error over tolerance: 1 is the limit. NaN where something was not a number or did not run. */
  worst: number | null;
  /** Where the worst is and what stands there, what went wrong, or why it was skipped. */
  detail: string;
}

export interface GoldenSummary {
  passed: number;
  failed: number;
  skipped: number;
}

export interface GoldenOptions {
  machine: Machine;
  files: FileSource;
  /** Ops, cases as `op/case`, or traces. Empty: everything. */
  only?: readonly string[];
  /** Of values between a model's layers. Default f32. In f16 only traces are run. */
  dtype?: Precision;
  onCase?: (result: CaseResult) => void;
}

/**
 * @throws InputError if the folder is not a golden folder, or `only` names something that is not in it; RunError if the machine
 *   itself fails. A case that cannot be run to its end counts as failed.
 */
export async function runGolden({
  machine,
  files,
  only = [],
  dtype = 'f32',
  onCase,
}: GoldenOptions): Promise<GoldenSummary> {
  const folder = await GoldenFolder.open(files);
  checkNames(folder, only);
  const wanted = (...ids: string[]) => only.length === 0 || ids.some((id) => only.includes(id));
  const summary: GoldenSummary = { passed: 0, failed: 0, skipped: 0 };
  const report = (result: CaseResult) => {
    summary[result.ok === null ? 'skipped' : result.ok ? 'passed' : 'failed']++;
    onCase?.(result);
  };
  for (const test of folder.kernels) {
    if (!wanted(test.op, `${test.op}/${test.case}`)) continue;
    report(await outcome(test.case, test.op, whyNot(test, dtype), () => runKernel(machine, folder, test)));
  }
  for (const trace of folder.traces) {
    if (!wanted(trace.trace)) continue;
    const reason = await whyNotTrace(folder, trace, dtype);
    report(await outcome(trace.trace, 'trace', reason, () => runTrace(machine, folder, trace, dtype)));
  }
  return summary;
}

async function outcome(
  name: string,
  op: string,
  reason: string | null,
  run: () => Promise<Verdict>,
): Promise<CaseResult> {
  if (reason !== null) return { case: name, op, ok: null, worst: null, detail: reason };
  try {
    const verdict = await run();
    return { case: name, op, ok: passes(verdict), worst: verdict.worst, detail: verdict.detail };
  } catch (error) {
    if (error instanceof RunError || error instanceof FolderError) throw error;
    return { case: name, op, ok: false, worst: Number.NaN, detail: (error as Error).message };
  }
}

/** Why a kernel case cannot be run, or null. */
function whyNot({ op, attrs }: KernelCase, dtype: Precision): string | null {
  if (dtype === 'f16') return 'kernel cases are f32; in f16 a folder gives traces';
  if (hostCases.has(op)) return null;
  const row = differentiable.get(op) ?? optimizerCases.get(op);
  return row ? (row.refuses?.(attrs) ?? null) : `there is no op ${op} here yet`;
}

async function runKernel(machine: Machine, folder: GoldenFolder, test: KernelCase): Promise<Verdict> {
  const given = new Map<string, GoldenTensor>();
  for (const name of [...test.inputs, ...test.gradOutputs]) {
    given.set(name, await folder.tensor(test.file, test.prefix + name));
  }
  const op = differentiable.get(test.op);
  const results = op
    ? await runDifferentiable(machine, test, given, op)
    : (hostCases.get(test.op)?.(given, test.attrs) ?? (await optimizerCases.get(test.op)!.run(machine, test, given)));
  const open = op?.open?.(given, test.attrs);
  const verdicts: Verdict[] = [];
  for (const [name, tolerance] of test.check) {
    const { data } = await folder.tensor(test.file, test.prefix + name);
    const got: Result = results.get(name) ?? new Float32Array();
    verdicts.push(compare(name, got, data, tolerance, name === 'y' ? open : undefined));
  }
  if (verdicts.length === 0) throw new InputError(`${test.op}/${test.case}: nothing to check, expected tolerances.`);
  return worstOf(verdicts);
}

/** @throws InputError for a name that would select nothing: a misspelt one would otherwise pass without running anything */
function checkNames(
  { kernels, traces }: { kernels: readonly KernelCase[]; traces: readonly TraceCase[] },
  only: readonly string[],
): void {
  const known = new Set([...kernels.flatMap((k) => [k.op, `${k.op}/${k.case}`]), ...traces.map((t) => t.trace)]);
  for (const name of only) {
    if (known.has(name)) continue;
    const near = nearest(name, known);
    const ops = [...new Set(kernels.map((k) => k.op)), ...traces.map((t) => t.trace)].join(', ');
    throw new InputError(
      `--only: found ${name}, expected ${near ? `a name of this folder: did you mean ${near}?` : `one of ${ops}, or op/case.`}`,
    );
  }
}
