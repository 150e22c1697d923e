// A run that is gone on with: found, held against the flags beside --resume, and what it said at its end.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, diskLayer, nameOfKind } from '../checkpoint/files.ts';
import { RunFolder } from '../checkpoint/run.ts';
import { notWritable, refuseSaves, stat, trimmed } from '../checkpoint/run_place.ts';
import { parseTrainingState, type TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import type { KernelTable } from '../schedule/order.ts';
import type { EndEvent } from '../train/events.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { CommandContext, GlobalValues } from './command.ts';
import { disagreement } from './disagreement.ts';
import { hasHalf } from './dtype.ts';
import { RunShow } from './show.ts';
import type { ResumedRun } from './training_run.ts';

/** @throws InputError as RunFolder.openForResume and parseTrainingState */
export function openResumed(dir: string, keepEvery: number | undefined, out: CommandContext['out']): ResumedRun {
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

/** What a run did that was saved before there was a choice. */
function withChoices(state: TrainingState): TrainingState {
  return { ...state, settings: new Map([['dtype', 'f32'], ['train', 'all'], ['freeze', ''], ...state.settings]) };
}

/** Flags that are no settings, and are compared where they stand beside --resume. */
interface OtherFlags extends Pick<GlobalValues, 'seed' | 'kernels'> {
  samplePrompt?: string | undefined;
  model?: string | undefined;
}

/** Flags beside --resume that are no settings must agree with the run too. @throws InputError */
export function refuseOther(resumed: ResumedRun, flags: OtherFlags, given: ReadonlySet<string>): void {
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

/** A run that is gone on with keeps its settings, so what the adapter lacks cannot be done without. @throws InputError */
export function refuseLackingHalf(device: Device, { dtype }: Pick<TrainingSettings, 'dtype'>, folder: string): void {
  if (dtype === 'f16' && !hasHalf(device))
    throw new InputError(
      `--resume: ${folder} computes in f16, this adapter has no shader-f16. Go on with it on an adapter that has it, or begin a new run.`,
    );
}

export function kernelsOf({ state }: ResumedRun): KernelTable {
  return Object.fromEntries(state.kernels) as KernelTable;
}

/** The end that was told at the saved step. A run that was stopped just before it has its last evaluation before it. */
export function endOf({ run, state }: ResumedRun): EndEvent | undefined {
  return run.log.read().findLast((e) => e.event === 'end' && e.step === state.step) as EndEvent | undefined;
}

/** A finished run says its end again. */
export function printEnd(out: CommandContext['out'], end: EndEvent): number {
  new RunShow(out, { totalSteps: end.step }).event(end);
  return 0;
}

/** Refuses at once what RunFolder.create would refuse once a long text has been read. @throws InputError */
export function refuseRunPlace(out: string): void {
  const found = stat(diskLayer, out);
  if (found?.kind === 'folder') refuseSaves(diskLayer, trimmed(out));
  if (found && found.kind !== 'folder')
    throw new InputError(`${out}: found ${nameOfKind(found)}, expected a folder or a new name. Choose another folder.`);
  try {
    fs.accessSync(found ? out : path.dirname(out), fs.constants.W_OK);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw notWritable(out, error);
  }
}
