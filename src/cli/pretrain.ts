// pretrain: text in, a language model out. Here are the flags, the run that is gone on with, and what is refused at once;
// pretraining.ts does the work.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, diskLayer } from '../checkpoint/files.ts';
import { RunFolder } from '../checkpoint/run.ts';
import { notWritable, refuseSaves } from '../checkpoint/run_place.ts';
import { parseTrainingState, type TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { EndEvent } from '../train/events.ts';
import { PRESETS, type PretrainSettings, presetFor } from '../train/presets.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { compareRuns } from './compare.ts';
import { disagreement } from './disagreement.ts';
import { dtypeOn, hasHalf } from './dtype.ts';
import type { FlagValues } from './flags.ts';
import { compilingText, deviceFor } from './open_device.ts';
import { pretrainFlags } from './pretrain_flags.ts';
import { newSettings, resumedSettings, typedSettings } from './pretrain_settings.ts';
import { pretrainOn, type ResumedRun } from './pretraining.ts';
import { RunShow } from './show.ts';
import { openStartingModel, settingsFrom } from './starting_model.ts';

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
      const saved = resumed && resumedSettings(resumed.state, typed, resumed.path);
      if (resumed && saved) {
        refuseOther(resumed, flags, given);
        const end = endOf(resumed);
        if (end && saved.steps <= resumed.state.step) return printEnd(out, end);
      }
      const waiting = new RunShow(out, { totalSteps: 0 });
      const device = await deviceFor(
        context,
        flags,
        (done, total) => {
          if (out.redraws) out.status(compilingText(done, total));
          else waiting.phase('compiling kernel', done, total);
        },
        resumed ? kernelsOf(resumed) : undefined,
      );
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

/** Settings that this adapter can follow. */
function settingsOn(device: Device, settings: PretrainSettings, out: CommandContext['out']): PretrainSettings {
  return { ...settings, dtype: dtypeOn(device, settings.dtype, out) };
}

/** A run that is gone on with keeps its settings, so what the adapter lacks cannot be done without. @throws InputError */
function refuseLackingHalf(device: Device, { dtype }: PretrainSettings, folder: string): void {
  if (dtype === 'f16' && !hasHalf(device))
    throw new InputError(
      `--resume: ${folder} computes in f16, this adapter has no shader-f16. Go on with it on an adapter that has it, or begin a new run.`,
    );
}

/** What a run did that was saved before there was a choice. */
function withChoices(state: TrainingState): TrainingState {
  return { ...state, settings: new Map([['dtype', 'f32'], ['train', 'all'], ['freeze', ''], ...state.settings]) };
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

/** Refuses at once what RunFolder.create would refuse once a long text has been read. @throws InputError */
function refuseRunPlace(out: string): void {
  const found = fs.statSync(out, { throwIfNoEntry: false });
  if (found?.isDirectory()) refuseSaves(diskLayer, out);
  try {
    fs.accessSync(found ? out : path.dirname(out), fs.constants.W_OK);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw notWritable(out, error);
  }
}

function openResumed(dir: string, keepEvery: number | undefined, out: CommandContext['out']): ResumedRun {
  const { run, path: folder, passedOver } = RunFolder.openForResume(dir, keepEvery === undefined ? {} : { keepEvery });
  try {
    for (const line of passedOver) out.note(line);
    const name = `${folder}/training.json`;
    return { run, path: folder, state: withChoices(parseTrainingState(fs.readFileSync(name, 'utf8'), name)) };
  } catch (error) {
    run.close();
    throw error;
  }
}

/** Flags beside --resume that are no settings must agree with the run too. @throws InputError */
function refuseOther(resumed: ResumedRun, flags: Flags, given: ReadonlySet<string>): void {
  const { state, path: folder } = resumed;
  const disagree = (flag: string, found: unknown, expected: unknown) => disagreement(flag, found, expected, folder);
  const seed = state.random.get('seed');
  if (given.has('seed') && flags.seed !== seed) throw disagree('seed', flags.seed, seed);
  const prompt = state.settings.get('samplePrompt') ?? null;
  if (given.has('samplePrompt') && flags.samplePrompt !== prompt)
    throw disagree('sample-prompt', JSON.stringify(flags.samplePrompt), JSON.stringify(prompt));
  const model = state.settings.get('model') ?? 'none';
  if (given.has('model') && flags.model !== model) throw disagree('model', flags.model, model);
  const kernels = state.settings.get('kernels');
  if (given.has('kernels') && flags.kernels !== kernels) throw disagree('kernels', flags.kernels, kernels);
}

function kernelsOf({ state }: ResumedRun): KernelTable {
  return Object.fromEntries(state.kernels) as KernelTable;
}

/** The end that was told at the saved step. A run that was stopped just before it has its last evaluation before it. */
function endOf({ run, state }: ResumedRun): EndEvent | undefined {
  return run.log.read().findLast((e) => e.event === 'end' && e.step === state.step) as EndEvent | undefined;
}

/** A finished run says its end again. */
function printEnd(out: CommandContext['out'], end: EndEvent): number {
  new RunShow(out, { totalSteps: end.step }).event(end);
  return 0;
}

function choosePreset(flags: Flags, device: Device, out: CommandContext['out']): string {
  if (flags.preset !== undefined) return flags.preset;
  const { name, kind } = presetFor(device.opened);
  out.note(`preset: ${name} (${PRESETS[name]!.about}), for a ${kind} adapter; --preset chooses another`);
  return name;
}
