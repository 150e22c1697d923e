// pretrain: text in, a language model out. Here are the flags, the run that is gone on with, and what is refused at once;
// pretraining.ts does the work.
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import { PRESETS, presetFor } from '../train/presets.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { compareRuns } from './compare.ts';
import type { FlagValues } from './flags.ts';
import { pretrainFlags } from './pretrain_flags.ts';
import { newSettings, resumedSettings, typedSettings } from './pretrain_settings.ts';
import { pretrainOn } from './pretraining.ts';
import { endOf, openResumed, printEnd, refuseLackingHalf, refuseOther, refuseRunPlace } from './resumed_run.ts';
import { deviceForRun, settingsOn } from './run_device.ts';
import { openStartingModel, settingsFrom } from './starting_model.ts';
import type { ResumedRun } from './training_run.ts';

type Flags = FlagValues<typeof pretrainFlags> & GlobalValues;

export const pretrain = defineCommand({
  name: 'pretrain',
  summary: 'trains a language model on text, from nothing or from a model that is there',
  flags: pretrainFlags,
  positionals: [{ name: 'RUN', help: 'with --compare: run folders', variadic: true, onlyWith: 'compare' }],
  examples: [
    'pretrain',
    'pretrain --data book.txt --minutes 10',
    'pretrain --model openai-community/gpt2 --data book.txt --train last-block',
    'pretrain --resume runs/moby-1',
    'pretrain --compare runs/moby-1 runs/moby-2',
  ],
  stopsAtSignal: true,
  savesNothingWith: 'findLr',
  async run(context, flags, words) {
    const { out, given } = context;
    if (flags.compare) return compareRuns(context, words, flags.out);
    refuseTogether(flags, given);
    if (flags.out !== undefined) refuseRunPlace(flags.out);
    const typed = typedSettings(flags, given);
    const resumed = flags.resume === undefined ? null : openResumed(flags.resume, flags.keepEvery, out);
    try {
      const start =
        flags.model === undefined || resumed ? null : await openStartingModel(flags.model, flags.weights, context);
      const continued = start && settingsFrom(start, typed);
      if (resumed) refuseFinetuned(resumed);
      const saved = resumed && resumedSettings(resumed.state, typed, resumed.path);
      if (resumed && saved) {
        refuseOther(resumed, flags, given);
        const end = endOf(resumed);
        if (end && saved.steps <= resumed.state.step) return printEnd(out, end);
      }
      const device = await deviceForRun(context, flags, resumed);
      try {
        const preset = saved || start ? null : choosePreset(flags, device, out);
        const settings = saved ?? settingsOn(device, continued ?? newSettings(preset!, typed), out);
        if (saved) refuseLackingHalf(device, saved, resumed!.path);
        return await pretrainOn({ context, flags, device, settings, typed, preset, start, resumed });
      } finally {
        device.close();
      }
    } finally {
      resumed?.run.close();
    }
  },
});

/** Runs of the other command have other settings. @throws InputError */
function refuseFinetuned({ state, path, run }: ResumedRun): void {
  if (state.settings.has('task'))
    throw new InputError(
      `--resume: found a run of finetune in ${path}, expected one of pretrain. Go on with it: finetune --resume ${run.path}`,
    );
}

function refuseTogether(flags: Flags, given: ReadonlySet<string>): void {
  if (flags.findLr && (flags.resume !== undefined || given.has('out') || given.has('minutes')))
    throw new InputError(
      '--find-lr: found together with --resume, --out or --minutes, expected none of them: it tries learning rates for a new run and writes nothing.',
    );
  if (flags.model !== undefined && given.has('preset'))
    throw new InputError(
      '--preset: found together with --model, expected one of the two: a preset has the sizes of a new model.',
    );
  if (given.has('weights') && (flags.model === undefined || flags.resume !== undefined))
    throw new InputError(
      '--weights: found without --model, expected them together, for a run that begins from a model.',
    );
  if (flags.minutes !== undefined && given.has('steps'))
    throw new InputError('--minutes: found together with --steps, expected one of the two.');
  if (flags.resume !== undefined && (given.has('out') || given.has('preset') || given.has('minutes')))
    throw new InputError(
      '--resume: found together with --out, --preset or --minutes, expected none of them: the run goes on in its own folder with its own settings.',
    );
}

function choosePreset(flags: Flags, device: Device, out: CommandContext['out']): string {
  if (flags.preset !== undefined) return flags.preset;
  const { name, kind } = presetFor(device.opened);
  out.note(`preset: ${name} (${PRESETS[name]!.about}), for a ${kind} adapter; --preset chooses another`);
  return name;
}
