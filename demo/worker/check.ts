// "Does my GPU train correctly?": reference values of kernels, forward and backward, of a whole training run, and of the run's own
// model, computed on this adapter. What it needs is loaded when it is asked for.
import { type Device, InputError, openDevice, Twin } from '../../src/index.ts';
import type { CheckedCase, News } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';
import { checkModel } from './check_model.ts';
import { PageRun } from './run.ts';
import { version } from './version.ts';

/** On a device of its own, with the kernels that the run takes. @throws InputError where the reference values cannot be fetched */
export async function checkHome(run: AnyRun, send: (news: News) => void): Promise<void> {
  const { device } = run.home;
  const spec = run instanceof PageRun ? run.spec : null;
  const { runGolden } = await import('../../src/cli/golden/run_golden.ts');
  const { GoldenFolder } = await import('../../src/cli/golden/folder.ts');
  const files = { read: fetchFile };
  const { kernels, traces } = await GoldenFolder.open(files);
  const own = device && (await openDevice({ kernels: device.kernels }));
  const machine = own ?? new Twin();
  const total = kernels.length + traces.length + (own && spec ? 1 : 0);
  const cases: CheckedCase[] = [];
  const tell = (checked: CheckedCase) => {
    cases.push(checked);
    send({ type: 'checked', done: cases.length, total, case: checked });
  };
  const count = (ok: boolean | null) => cases.filter((checked) => checked.ok === ok).length;
  try {
    await runGolden({
      machine,
      files,
      onCase: ({ op, case: name, ok, worst, detail }) => {
        const id = op === 'trace' ? `trace ${name}` : `${op}/${name}`;
        tell({ name: id, ok, worst: Number.isFinite(worst) ? worst : null, detail });
      },
    });
    if (own && spec) tell(await checkModel(own, spec));
    const [passed, failed, skipped] = [count(true), count(false), count(null)];
    const report = [
      ...aboutHere(device, machine.name),
      ...cases.map(lineOf),
      `${passed} passed, ${failed} failed, ${skipped} skipped`,
    ];
    send({ type: 'verdict', passed, failed, skipped, report: `${report.join('\n')}\n` });
  } finally {
    machine.close();
  }
}

async function fetchFile(path: string): Promise<Uint8Array> {
  const response = await fetch(new URL(`golden/${path}`, globalThis.location.href)).catch(() => null);
  if (!response?.ok)
    throw new InputError(
      `golden/${path}: cannot be fetched, expected the reference values beside the page. Try again.`,
    );
  return new Uint8Array(await response.arrayBuffer());
}

function aboutHere(device: Device | null, name: string): string[] {
  const lines = [`shaderformer ${version}`, `adapter: ${name}`, `browser: ${globalThis.navigator.userAgent}`];
  if (!device) return lines;
  const { vendor, architecture } = device.opened.adapter.info;
  const kernels = Object.entries(device.kernels).map(([op, form]) => `${op}=${form}`);
  return [
    ...lines,
    `vendor: ${vendor} ${architecture}`,
    `kernels: ${device.kernelsFrom}: ${kernels.join(' ') || 'none'}`,
  ];
}

/** As the command line's `golden` prints it. */
function lineOf({ name, ok, worst, detail }: CheckedCase): string {
  if (ok === null) return `skipped        ${name}: ${detail}`;
  const error = (worst?.toFixed(2) ?? 'NaN').padStart(10);
  return ok ? `ok     ${error}  ${name}` : `FAILED ${error}  ${name}: ${detail}`;
}
