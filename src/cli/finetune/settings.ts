// How a task's flags and a saved run become the settings of a fine-tuning.
import type { TrainingState } from '../../checkpoint/training_state.ts';
import { InputError } from '../../errors.ts';
import { type FinetuneSettings, newSettings as newTaskSettings } from '../../finetune/settings.ts';
import { camelCase } from '../flags.ts';
import { agreeing } from '../loop_settings.ts';
import { typedSettings } from '../pretrain_settings.ts';
import { checkSavedSettings } from '../saved_settings.ts';
import type { Beginning } from './beginning.ts';
import { commonSettingFlags } from './common_flags.ts';
import { type FinetuneFlags, settingSpecs } from './flags.ts';
import { ownOtherFlags, ownSettingFlags } from './own_flags.ts';
import type { FinetuneTask } from './task.ts';

/**
 * Everything that is decided before the data is read.
 * @param beginning null where its model is yet to be made for these settings
 * @throws InputError for flags that contradict each other or the model
 */
export function newSettings(
  task: FinetuneTask,
  typed: Partial<FinetuneSettings>,
  beginning: Pick<Beginning, 'name' | 'config'> | null,
  flags: FinetuneFlags,
): FinetuneSettings {
  const config = beginning?.config ?? null;
  const sizes = (config && task.sizes?.(config)) ?? {};
  // A model without a name was made for what was typed.
  const named = beginning?.name ?? null;
  const base = { name: named ?? 'the data', blockSize: config?.blockSize ?? Number.POSITIVE_INFINITY };
  const own = task.flags.map(camelCase);
  const settings = newTaskSettings(
    { ...task, own },
    typed,
    { ...base, ...(named !== null && { sizes }) },
    task.ownDefaults?.(flags, config),
  );
  return { ...settings, ...sizes };
}

const isCommon = (name: string) => commonSettingFlags.some((flag) => flag.name === name);

/** The flags of this task that were typed and are settings. @throws InputError for one that belongs to other tasks */
export function typedFor(
  task: FinetuneTask,
  flags: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  tasks: readonly FinetuneTask[],
): Partial<FinetuneSettings> {
  const takes = (each: FinetuneTask, name: string) =>
    each.flags.includes(name) || (isCommon(name) && !each.without?.includes(name));
  for (const { name } of [...commonSettingFlags, ...ownSettingFlags, ...ownOtherFlags]) {
    if (!given.has(camelCase(name)) || takes(task, name)) continue;
    const theirs = tasks.filter((each) => takes(each, name)).map((each) => each.name);
    throw new InputError(
      `--${name}: found beside --task ${task.name}, expected it with --task ${theirs.join(' or ')}. Leave it out.`,
    );
  }
  return typedSettings(flags, given, settingSpecs(task.flags)) as Partial<FinetuneSettings>;
}

/** Settings of a saved run, which must agree with what is typed. @throws InputError as agreeing, and for a saved one that no flag would take */
export function resumedSettings(
  task: FinetuneTask,
  saved: TrainingState,
  typed: Partial<FinetuneSettings>,
  where: string,
): FinetuneSettings {
  const specs = settingSpecs(task.flags);
  checkSavedSettings(saved.settings, `${where}/training.json`, specs);
  const names = ['task', ...specs.map(({ name }) => camelCase(name))];
  const settings = Object.fromEntries([...saved.settings].filter(([name]) => names.includes(name)));
  return agreeing(settings as unknown as FinetuneSettings, typed, saved, where);
}
