// The device of a training run, of pretrain and of finetune alike.
import type { Device } from '../runtime/device.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import { dtypeOn } from './dtype.ts';
import { compilingText, deviceFor } from './open_device.ts';
import { kernelsOf } from './resumed_run.ts';
import { RunShow } from './show.ts';
import type { ResumedRun } from './training_run.ts';

/** A run that is gone on with keeps its kernels. What is compiled is told as what a run waits for. @throws InputError as deviceFor */
export function deviceForRun(
  context: CommandContext,
  flags: GlobalValues & { profile?: boolean | undefined },
  resumed: ResumedRun | null,
): Promise<Device> {
  const { out } = context;
  const waiting = new RunShow(out, { totalSteps: 0 });
  const told = (done: number, total: number) => {
    if (out.redraws) out.status(compilingText(done, total));
    else waiting.phase('compiling kernel', done, total);
  };
  return deviceFor(context, flags, told, resumed ? kernelsOf(resumed) : undefined);
}

/** Settings that this adapter can follow. */
export function settingsOn<S extends TrainingSettings>(device: Device, settings: S, out: CommandContext['out']): S {
  return { ...settings, dtype: dtypeOn(device, settings.dtype, out) };
}
