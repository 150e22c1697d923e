// devices: which adapters are here, what they can do, and which one a command would take.
import { ops } from '../ops/index.ts';
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
    const kernels = Object.fromEntries(
      ops.filter((o) => o.forms.length > 1).map((o) => [o.name, device.kernels[o.name] ?? 'the first that applies']),
    );
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
    for (const [op, form] of Object.entries(kernels)) out.print(`kernel form of ${op}: ${form}`);
    return 0;
  },
});
