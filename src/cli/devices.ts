// devices: which adapters are here, what they can do, and which one a command would take. With --tune: which kernels are fast there.
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import type { Op } from '../ops/op.ts';
import type { Device, KernelChoice } from '../runtime/device.ts';
import { currentPlatform } from '../runtime/platform/platform.ts';
import type { AdapterReport } from '../runtime/platform/report.ts';
import { tried } from '../schedule/order.ts';
import { adapterKey, subgroupsOf } from '../tune/adapter_key.ts';
import { chooseKernels } from '../tune/kernel_choice.ts';
import { readTable } from '../tune/store.ts';
import { tableText } from '../tune/stored_table.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { defineFlags } from './flags.ts';
import { byteText } from './format.ts';
import { deviceFor, kernelTable } from './open_device.ts';
import { diskStore } from './tune/disk_store.ts';
import { tuneAndShow } from './tune/tune.ts';

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
    const adapters = [];
    for (const report of await platform.listAdapters()) {
      const noted = report.name === chosen ? () => {} : note;
      adapters.push({ ...report, kernels: await tableInForce(platform.name, report, context.env, flags, noted) });
    }
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
        kernels: `${a.kernels.from}: ${tableText(a.kernels.table)}`,
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
  const device = await deviceFor(context, flags, () => {}, {});
  try {
    await tuneAndShow(context, device);
    return 0;
  } finally {
    device.close();
  }
}

/** The table with which a command would run on an adapter. */
async function tableInForce(
  home: string,
  report: AdapterReport,
  env: CommandContext['env'],
  { kernels, limits }: GlobalValues,
  note: (line: string) => void,
): Promise<KernelChoice> {
  if (kernels !== 'auto') return { from: `given: --kernels ${kernels}`, table: kernelTable(kernels) };
  const key = adapterKey(home, report, limits === 'adapter');
  return chooseKernels(key, await readTable(diskStore(env), key, note), null);
}

/** Names of the forms that run on a device, as its kernel table allows, in the order of choice. */
function formsHere({ name, forms }: Op<unknown>, { capabilities, kernels }: Device): string[] {
  return tried(forms, capabilities, kernels[name]).map((form) => form.name);
}
