// inspect --forecast of known sizes: the rows that flags ask for, and with --scale all of them and the check of the arithmetic.
import { InputError } from '../../errors.ts';
import { type Device, openDevice } from '../../runtime/device.ts';
import type { PretrainSettings } from '../../train/presets.ts';
import type { CommandContext, GlobalValues } from '../command.ts';
import { dtypeOn } from '../dtype.ts';
import { defineFlags, type FlagValues } from '../flags.ts';
import { adapterHere, LARGEST_ADAPTER, SCALE_ADAPTERS, type ScaleAdapter, statedAdapter } from './adapters.ts';
import { checksOf, measureRuns, ratesOf } from './measure.ts';
import { type ScaleRow, scaleRow } from './scale.ts';
import { printChecks, printScale, scaleJson } from './scale_table.ts';
import { MODEL_SIZES } from './sizes.ts';

export const scaleFlags = defineFlags([
  {
    name: 'model-size',
    type: 'choice',
    choices: [...MODEL_SIZES.keys()],
    help: 'with --forecast: a model of a known size, by plans alone',
  },
  {
    name: 'on',
    type: 'choice',
    choices: SCALE_ADAPTERS,
    help: 'the adapter of that forecast: one that stands for many, or the one here; default: here',
  },
  {
    name: 'scale',
    type: 'boolean',
    help: 'with --forecast: every known size on every known adapter, and the arithmetic checked on the one here',
  },
]);

type Given = FlagValues<typeof scaleFlags> & GlobalValues & { memoryLimit?: number | undefined };

/** @throws InputError if one size was asked for, and it does not fit */
export async function tellScale(
  { out }: CommandContext,
  given: Given,
  device: Device,
  typed: Partial<PretrainSettings>,
): Promise<void> {
  const { modelSize, on, scale } = given;
  const sizes = [...MODEL_SIZES.values()].filter(({ name }) => modelSize === undefined || name === modelSize);
  const names = SCALE_ADAPTERS.filter((name) => (on === undefined ? scale || name === 'here' : name === on));
  const timed = device.opened.adapter.features.has('timestamp-query');
  const open = () =>
    openDevice({
      ...(given.adapter !== undefined && { adapter: given.adapter }),
      limits: given.limits,
      kernels: device.kernels,
      timestamps: true,
    });
  const runs =
    names.includes('here') && timed ? await measureRuns(open, (name) => out.status(`measuring ${name}`)) : null;
  const adapters = names.map(
    (name): ScaleAdapter =>
      name === 'here' ? adapterHere(device, runs && ratesOf(runs), given.memoryLimit) : statedAdapter(name),
  );
  const own = typed.dtype && names.includes('here') ? { ...typed, dtype: dtypeOn(device, typed.dtype, out) } : typed;
  const rows: ScaleRow[] = [];
  for (const adapter of adapters) {
    for (const size of sizes) {
      out.status(`planning ${size.name} on ${adapter.name}`);
      rows.push(scaleRow(size, adapter, adapter.name === 'here' ? own : typed));
    }
  }
  out.status('');
  const checks = scale && runs ? checksOf(runs) : null;
  if (out.json) out.emit(scaleJson(rows, checks));
  else {
    printScale(out, rows);
    if (checks) printChecks(out, checks);
  }
  const [only, ...others] = rows;
  if (only && others.length === 0 && !only.fits)
    throw new InputError(
      `model: ${only.model.name} does not fit on ${only.adapter.name}. Choose a smaller --model-size or a larger adapter: --on ${LARGEST_ADAPTER}.`,
    );
}
