// devices: which adapters are here, what they can do, and which one a command would take.
import { ops } from '../ops/index.ts';
import type { Op } from '../ops/op.ts';
import type { Device } from '../runtime/device.ts';
import { currentPlatform } from '../runtime/platform/platform.ts';
import { defineCommand } from './command.ts';
import { byteText } from './format.ts';
import { deviceFor } from './open_device.ts';

export const devices = defineCommand({
  name: 'devices',
  summary: 'lists adapters with driver, features, limits and the kernels that were chosen',
  flags: [],
  examples: ['devices', 'devices --adapter swiftshader'],
  async run(context, flags) {
    const { out } = context;
    const device = await deviceFor(context, flags);
    const choices = ops.filter((o) => o.forms.length > 1);
    const kernels = Object.fromEntries(choices.map((o) => [o.name, formsHere(o, device)]));
    const chosen = device.name;
    device.close();
    const adapters = await (await currentPlatform()).listAdapters();
    out.emit({ chosen, adapters, kernels });
    for (const a of adapters) {
      const subgroups =
        a.subgroupMinSize === null
          ? 'none'
          : a.subgroupMinSize === a.subgroupMaxSize
            ? `${a.subgroupMinSize}`
            : `${a.subgroupMinSize} to ${a.subgroupMaxSize}`;
      out.print(`${a.name === chosen ? '* ' : '  '}${out.style.bold(a.name)}`);
      const rows = {
        driver: a.driver,
        kind: a.software ? 'software, runs on the CPU' : 'GPU',
        subgroups,
        features: a.features.join(' '),
        limits: Object.entries(a.limits)
          .map(([name, value]) => `${name} ${/Size$/.test(name) && value > 65536 ? byteText(value) : value}`)
          .join(', '),
      };
      for (const [name, text] of Object.entries(rows)) out.print(`    ${name.padEnd(10)} ${text}`);
    }
    out.print('* is what a command takes; --adapter NAME takes another');
    out.print('\nkernels: of several forms of an op, the first that fits the shapes is taken');
    for (const [op, forms] of Object.entries(kernels)) out.print(`    ${op.padEnd(26)} ${forms.join(', ')}`);
    return 0;
  },
});

/** Names of the forms that run on a device, as its kernel table allows, in the order of choice. */
function formsHere({ name, forms }: Op<unknown>, { capabilities, kernels }: Device): string[] {
  const wanted = kernels[name];
  const here = forms.filter((f) => (wanted === 'portable' ? !f.runsOn : (f.runsOn?.(capabilities) ?? true)));
  return here.map((f) => f.name).sort((a, b) => Number(b === wanted) - Number(a === wanted));
}
