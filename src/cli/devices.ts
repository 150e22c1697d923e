// devices: which adapters are here, what they can do, and which one a command would take. With --tune: which kernels are fast there.
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import type { Op } from '../ops/op.ts';
import type { Device } from '../runtime/device.ts';
import { currentPlatform } from '../runtime/platform/platform.ts';
import type { AdapterReport } from '../runtime/platform/report.ts';
import type { KernelTable } from '../schedule/order.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { defineFlags } from './flags.ts';
import { byteText } from './format.ts';
import { deviceFor, kernelTable } from './open_device.ts';
import { adapterKey, subgroupsOf, tableText } from './tune/stored_table.ts';
import { readTable } from './tune/table_file.ts';
import { tune } from './tune/tune.ts';

export const devices = defineCommand({
  name: 'devices',
  summary: 'lists adapters with driver, features, limits and the kernels that were chosen; --tune measures those',
  flags: defineFlags([
    {
      name: 'tune',
      type: 'boolean',
      help: 'times and checks every form of each op on the adapter; runs with --kernels auto take the fastest from then on',
    },
  ]),
  examples: ['devices', 'devices --adapter swiftshader', 'devices --tune'],
  async run(context, flags) {
    const { out } = context;
    if (flags.tune) return tuneAdapter(context, flags);
    const device = await deviceFor(context, flags);
    const choices = ops.filter((o) => o.forms.length > 1);
    const kernels = Object.fromEntries(choices.map((o) => [o.name, formsHere(o, device)]));
    const chosen = device.name;
    device.close();
    const platform = await currentPlatform();
    const note = (line: string) => out.note(line); // of the chosen adapter it has been said
    const adapters = (await platform.listAdapters()).map((report) => ({
      ...report,
      kernels: tableInForce(platform.name, report, context.env, flags, report.name === chosen ? () => {} : note),
    }));
    out.emit({ chosen, adapters, kernels });
    for (const a of adapters) {
      out.print(`${a.name === chosen ? '* ' : '  '}${out.style.bold(a.name)}`);
      const rows = {
        driver: a.driver,
        kind: a.software ? 'software, runs on the CPU' : 'GPU',
        subgroups: subgroupsOf(a),
        features: a.features.join(' '),
        limits: Object.entries(a.limits)
          .map(([name, value]) => `${name} ${/Size$/.test(name) && value > 65536 ? byteText(value) : value}`)
          .join(', '),
        kernels: inWords(a.kernels),
      };
      for (const [name, text] of Object.entries(rows)) out.print(`    ${name.padEnd(10)} ${text}`);
    }
    out.print('* is what a command takes; --adapter NAME takes another');
    out.print('\nkernels: of several forms of an op, the first that fits the shapes is taken');
    for (const [op, forms] of Object.entries(kernels)) out.print(`    ${op.padEnd(26)} ${forms.join(', ')}`);
    return 0;
  },
});

async function tuneAdapter(context: CommandContext, flags: GlobalValues): Promise<number> {
  if (flags.kernels !== 'auto')
    throw new InputError(
      '--tune: found together with --kernels, expected one of the two: --tune measures all kernels.',
    );
  const device = await deviceFor(context, flags, undefined, {});
  try {
    await tune(context, device, flags.limits as 'adapter' | 'default');
    return 0;
  } finally {
    device.close();
  }
}

/** What --kernels says for an adapter; of `auto`, when the adapter was measured, or null. */
interface TableInForce {
  flag: string;
  measured: string | null;
  table: KernelTable;
}

function tableInForce(
  home: string,
  report: AdapterReport,
  env: CommandContext['env'],
  { kernels: flag, limits }: GlobalValues,
  note: (line: string) => void,
): TableInForce {
  if (flag !== 'auto') return { flag, measured: null, table: kernelTable(flag) };
  const key = adapterKey(home, report, limits as 'adapter' | 'default');
  const stored = readTable(key, env, note);
  return { flag, measured: stored?.measured ?? null, table: stored?.kernels ?? {} };
}

function inWords({ flag, measured, table }: TableInForce): string {
  if (flag !== 'auto') return `as --kernels ${flag} says`;
  if (measured === null) return `${tableText({})} (not measured: devices --tune)`;
  return `measured ${measured.slice(0, 16).replace('T', ' ')} UTC: ${tableText(table)}`;
}

/** Names of the forms that run on a device, as its kernel table allows, in the order of choice. */
function formsHere({ name, forms }: Op<unknown>, { capabilities, kernels }: Device): string[] {
  const wanted = kernels[name];
  const here = forms.filter((f) => (wanted === 'portable' ? !f.runsOn : (f.runsOn?.(capabilities) ?? true)));
  return here.map((f) => f.name).sort((a, b) => Number(b === wanted) - Number(a === wanted));
}
