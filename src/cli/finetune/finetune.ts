// finetune: a model that is there, taught something new. Here are the flags, the task, and what is refused at once; finetuning.ts does
// the work.
import { InputError } from '../../errors.ts';
import { settled } from '../../finetune/settings.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { endOf, openResumed, printEnd, refuseLackingHalf, refuseOther, refuseRunPlace } from '../resumed_run.ts';
import { deviceForRun, settingsOn } from '../run_device.ts';
import { showMask } from '../show_mask.ts';
import type { ResumedRun } from '../training_run.ts';
import { type Beginning, newBeginning, resumedBeginning } from './beginning.ts';
import { finetuneOn } from './finetuning.ts';
import { type FinetuneFlags, finetuneFlags } from './flags.ts';
import { newSettings, resumedSettings, typedFor } from './settings.ts';
import type { FinetuneTask, NothingRequest, ShownTask } from './task.ts';
import { TASKS } from './tasks.ts';

const names = TASKS.map(({ name }) => name);

export const finetune = defineCommand({
  name: 'finetune',
  summary:
    'teaches a model something new: a text, classes, to follow instructions, to prefer answers, what a larger model knows; or, from nothing, to translate, to summarize, to fill masks',
  flags: finetuneFlags(names, TASKS.map(({ name, about }) => `${name}: ${about}`).join('; ')),
  examples: [
    'finetune --task classify --model openai-community/gpt2 --data spam.tsv --balance',
    'finetune --task instruct --model HuggingFaceTB/SmolLM2-135M --data alpaca.json --lora-r 8',
    'finetune --task prefer --model HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.json --lora-r 8',
    'finetune --task translate --source train.en --target train.de',
    'finetune --task summarize --data articles.tsv',
    'finetune --task mask --data book.txt',
    'finetune --resume runs/spam-1',
  ],
  stopsAtSignal: true,
  savesNothingWith: 'findLr',
  async run(context, flags) {
    const { out, given } = context;
    refuseTogether(flags, given);
    if (flags.out !== undefined) refuseRunPlace(flags.out);
    const resumed = flags.resume === undefined ? null : openResumed(flags.resume, flags.keepEvery, out);
    try {
      return await go(context, flags, resumed);
    } finally {
      resumed?.run.close();
    }
  },
});

async function go(context: CommandContext, flags: FinetuneFlags, resumed: ResumedRun | null): Promise<number> {
  const { out, given } = context;
  const task = taskOf(flags, resumed);
  const typed = typedFor(task, flags, given, TASKS);
  const saved = resumed && resumedSettings(task, resumed.state, typed, resumed.path);
  if (resumed && saved) {
    refuseOther(resumed, flags, given);
    const end = endOf(resumed);
    if (end && saved.steps <= resumed.state.step) return printEnd(out, end);
  }
  const seed = resumed ? Number(resumed.state.random.get('seed')) : flags.seed;
  const beginning = resumed
    ? await resumedBeginning(task.takes, resumed, context)
    : flags.model !== undefined
      ? await newBeginning(task.takes, flags.model, flags.weights, context)
      : await fromNothing(task, { context, flags, settings: newSettings(task, typed, null, flags), seed });
  const { config, tokenizer, tokenizerDir } = beginning;
  const asked = saved ?? newSettings(task, typed, beginning, flags);
  const request = { context, flags, settings: asked, beginning, config, tokenizer, tokenizerDir, seed, resumed };
  const opened = await task.open(request);
  try {
    showRows(context, flags, opened, tokenizer, resumed !== null);
    const device = await deviceForRun(context, flags, resumed);
    try {
      const settings = saved ?? settingsOn(device, settled(asked, typed, task, opened, flags.epochs), out);
      if (saved) refuseLackingHalf(device, saved, resumed!.path);
      return await finetuneOn({ context, flags, typed, device, settings, seed, beginning, opened, resumed });
    } finally {
      device.close();
    }
  } finally {
    opened.close?.();
  }
}

/** A model for the data. @throws InputError for a task that goes on with one, and as the task's own */
async function fromNothing(task: FinetuneTask, request: NothingRequest): Promise<Beginning> {
  if (task.fromNothing) return task.fromNothing(request);
  throw new InputError('--model: found nothing, expected the model to teach. For example: --model runs/moby-1');
}

/** The task that was named, or that of the run that is gone on with. @throws InputError */
function taskOf({ task: named }: FinetuneFlags, resumed: ResumedRun | null): FinetuneTask {
  if (resumed) {
    const saved = resumed.state.settings.get('task');
    const found = TASKS.find(({ name }) => name === saved);
    if (!found)
      throw new InputError(
        `--resume: found a run of pretrain in ${resumed.path}, expected one of finetune. Go on with it: pretrain --resume ${resumed.run.path}`,
      );
    if (named !== undefined && named !== saved)
      throw new InputError(
        `--task: found ${named}, expected ${found.name}, with which ${resumed.path} began. Leave the flag out, or begin a new run.`,
      );
    return found;
  }
  if (named === undefined)
    throw new InputError(`--task: found nothing, expected one of ${names.join(', ')}. For example: --task ${names[0]}`);
  return TASKS.find(({ name }) => name === named)!;
}

/** Prints rows as they are trained on, where that was asked for; on a terminal one of those whose tokens are not all alike. */
function showRows(
  { out, given }: CommandContext,
  { showMask: asked }: FinetuneFlags,
  { shown, usuallyShown, sourceTokenizer }: ShownTask,
  tokenizer: Parameters<typeof showMask>[2],
  again: boolean,
): void {
  if (asked === undefined && (again || !usuallyShown || !out.redraws || out.quiet)) return;
  const count = asked ?? 1;
  if (count === 0) return;
  if (!shown)
    throw new InputError(
      '--show-mask: found beside a text, of which every token is trained on, expected a task with rows. Leave it out.',
    );
  showMask(out, shown, tokenizer, count, sourceTokenizer);
  if (given.has('showMask')) out.log();
}

/** @throws InputError */
function refuseTogether(flags: FinetuneFlags, given: ReadonlySet<string>): void {
  const lengths = ['steps', 'epochs', 'minutes'].filter((name) => given.has(name));
  if (lengths.length > 1)
    throw new InputError(`--${lengths[1]}: found together with --${lengths[0]}, expected one of the two.`);
  if (given.has('weights') && flags.model === undefined && flags.resume === undefined)
    throw new InputError(
      '--weights: found without --model, expected them together, for a run that begins from a model.',
    );
  if (flags.findLr && (flags.resume !== undefined || given.has('out') || given.has('minutes')))
    throw new InputError(
      '--find-lr: found together with --resume, --out or --minutes, expected none of them: it tries learning rates for a new run and writes nothing.',
    );
  if (flags.resume !== undefined) {
    const other = ['out', 'minutes', 'epochs', 'weights'].find((name) => given.has(name));
    if (other)
      throw new InputError(
        `--resume: found together with --${other}, expected it alone: the run goes on in its own folder with its own settings. Leave --${other} out.`,
      );
  }
}
