// inspect: what a training run does and needs, as tables, before anything runs.

import { grouped } from '../data/counted.ts';
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import type { Plan } from '../schedule/plan.ts';
import { printPlan, printTrace } from '../schedule/print_plan.ts';
import { eventBytes } from '../train/memory.ts';
import { PRESETS, type PretrainSettings, presetFor } from '../train/presets.ts';
import { configOf, PROMPT_TOKENS, type TextSizes } from '../train/run_plans.ts';
import { measuredFlops, stepFlops } from '../train/step_time.ts';
import { WORKLOADS } from './bench/workloads.ts';
import { type CommandContext, defineCommand, type GlobalValues } from './command.ts';
import { dtypeOn } from './dtype.ts';
import { fittingRun } from './fitting_run.ts';
import { defineFlags, type FlagValues } from './flags.ts';
import { type Forecast, forecast } from './forecast.ts';
import { forecastJson, printForecast, printTime } from './forecast_table.ts';
import { byteText } from './format.ts';
import { limitFlags } from './limits.ts';
import { deviceFor } from './open_device.ts';
import { chooseData } from './pretrain_data.ts';
import { dataFlags } from './pretrain_flags.ts';
import { newSettings, typedSettings } from './pretrain_settings.ts';
import { openText } from './pretrain_text.ts';
import { tellProfile } from './profile.ts';
import { scaleFlags, tellScale } from './scale/command.ts';
import { settingFlags } from './setting_flags.ts';

const flags = defineFlags([
  {
    name: 'forecast',
    type: 'boolean',
    help: 'bytes and time of the run that pretrain would make of the same flags',
  },
  {
    name: 'profile',
    type: 'boolean',
    help: 'runs a step some times: time, FLOP/s, bytes/s and share of each kernel; with --trace NAME of a part of the model',
  },
  {
    name: 'preset',
    type: 'choice',
    choices: Object.keys(PRESETS),
    help: "a named set of settings; default: with --forecast pretrain's choice, else a model small enough to read",
  },
  {
    name: 'workload',
    type: 'choice',
    choices: Object.keys(WORKLOADS),
    help: 'sizes of a fixed workload instead of the flags below',
  },
  {
    name: 'trace',
    type: 'text',
    placeholder: 'NAME',
    example: 'h.0.attn',
    help: "one tensor's life, or that of all in a part of the model",
  },
  ...dataFlags,
  {
    name: 'vocabulary',
    type: 'integer',
    group: 'data',
    min: 1,
    max: 1e8,
    unit: 'tokens',
    help: 'different tokens, instead of those of the texts',
  },
  ...scaleFlags,
  ...limitFlags,
  ...settingFlags,
]);

type Given = FlagValues<typeof flags> & GlobalValues;

/** A plan that fits on a screen or two. */
const SMALL = { layers: 2, heads: 2, width: 32, context: 64, batch: 8 };
/** Characters of Moby-Dick. */
const CHARACTERS = 81;

export const inspect = defineCommand({
  name: 'inspect',
  summary:
    'prints the plan of a training step, dispatch by dispatch; with --forecast the bytes and time of a run, with --profile the time of each kernel',
  flags,
  examples: [
    'inspect --layers 1 --width 32',
    'inspect --workload TINY --trace h.3.attn',
    'inspect --profile --workload TINY',
    'inspect --forecast --layers 12 --width 768 --heads 12 --tokenizer gpt2',
    'inspect --forecast --model-size gpt2-xl --on card-80gb',
    'inspect --forecast --scale',
  ],
  async run(context, given) {
    const { out } = context;
    if (out.json && given.trace !== undefined)
      throw new InputError('--trace: found together with --json, expected one of the two.');
    if (given.forecast && given.trace !== undefined)
      throw new InputError('--trace: found together with --forecast, expected one of the two.');
    if (given.forecast && given.profile)
      throw new InputError('--profile: found together with --forecast, expected one of the two.');
    const sized = sizedFlag(given, context.given);
    const device = await deviceFor(context, given);
    try {
      if (sized) {
        await tellScale(context, given, device, typedSettings(given, context.given));
        return 0;
      }
      const { settings: wanted, text } = await sizesOf(context, given, device);
      const settings = { ...wanted, dtype: dtypeOn(device, wanted.dtype, out) };
      const options = { seed: given.seed, memoryLimit: given.memoryLimit };
      if (given.forecast) await tell(context, device, settings, text, forecast(device, settings, text, options));
      else {
        const run = fittingRun(device, settings, text, options);
        if (given.profile) await tellProfile(context.out, device, run.step, settings, text, given.trace);
        else show(context, given, run);
      }
      return 0;
    } finally {
      device.close();
    }
  },
});

/** What decides a model's size by name. */
const SIZES = ['layers', 'heads', 'width', 'tokenizer', 'preset', 'workload', 'vocabulary'] as const;

/** Whether known sizes are asked for. @throws InputError for what contradicts them */
function sizedFlag({ forecast: told, modelSize, on, scale, ...given }: Given, typed: ReadonlySet<string>): boolean {
  const flag = scale ? '--scale' : modelSize !== undefined ? '--model-size' : on !== undefined ? '--on' : null;
  if (flag === null) return false;
  if (!told) throw new InputError(`${flag}: found without --forecast, expected with it. Add --forecast.`);
  if (flag === '--on') throw new InputError('--on: found without --model-size, expected with it. Name a size.');
  if (scale && (modelSize !== undefined || on !== undefined))
    throw new InputError(
      `--scale: found together with ${on === undefined ? '--model-size' : '--on'}, expected one of the two.`,
    );
  const own = given.data.length > 0 ? 'data' : SIZES.find((name) => typed.has(name));
  if (own) throw new InputError(`--${own}: found together with ${flag}, expected one of the two.`);
  return true;
}

/** Settings as pretrain would take them, or a workload's, and what the text decides. */
async function sizesOf(
  context: CommandContext,
  given: Given,
  device: Device,
): Promise<{ settings: PretrainSettings; text: TextSizes }> {
  const typed = typedSettings(given, context.given);
  const workload = given.workload === undefined ? undefined : WORKLOADS[given.workload];
  const preset = given.preset ?? (given.forecast && !workload ? presetFor(device.opened).name : '');
  const long = { validationTokens: Number.POSITIVE_INFINITY, promptTokens: PROMPT_TOKENS };
  const own = workload ? 'workload' : given.vocabulary === undefined ? null : 'vocabulary';
  if (own && given.data.length > 0)
    throw new InputError(`--data: found together with --${own}, expected one of the two.`);
  if (workload) {
    const { nLayer: layers, nHead: heads, nEmbd: width, blockSize, vocabSize } = workload.config;
    const sizes = { layers, heads, width, context: blockSize, batch: workload.batch };
    return { settings: newSettings(preset, { ...typed, ...sizes }), text: { ...long, vocabSize } };
  }
  const settings = newSettings(preset, { ...(preset === '' && SMALL), ...typed });
  if (given.vocabulary !== undefined) return { settings, text: { ...long, vocabSize: given.vocabulary } };
  const fixed = { char: CHARACTERS, byte: 256, gpt2: 50257 }[settings.tokenizer];
  const data = chooseData(given, settings.windows, null);
  if (data.paths.length === 0 && fixed !== undefined) return { settings, text: { ...long, vocabSize: fixed } };
  const corpus = await openText(data, settings, null, context);
  try {
    const { tokenizer, validationLength } = corpus;
    const promptTokens = Math.min(PROMPT_TOKENS, validationLength);
    return { settings, text: { vocabSize: tokenizer.vocabSize, validationTokens: validationLength, promptTokens } };
  } finally {
    corpus.close();
  }
}

/** The forecast. @throws InputError, once the table is printed, where the run does not fit */
async function tell(
  { out }: CommandContext,
  device: Device,
  settings: PretrainSettings,
  { vocabSize }: TextSizes,
  found: Forecast,
): Promise<void> {
  const config = configOf(settings, vocabSize);
  const time = found.run && {
    flopPerStep: stepFlops(config, settings),
    flopPerSecond: await measuredFlops(device, config, settings),
  };
  out.emit(forecastJson(found, settings, time));
  printForecast(out, config, settings, found);
  if (time) printTime(out, settings, time);
  if (found.refusal !== null) throw new InputError(found.refusal);
}

/** The plan of a step, or one part of it. */
function show({ out }: CommandContext, { trace }: Given, { step, memory }: ReturnType<typeof fittingRun>): void {
  const dispatches = step.flatMap((plan) => plan.dispatches);
  const bytes = eventBytes(memory);
  if (out.json) {
    out.emit({ memory: bytes, dispatches: dispatches.map(dispatchJson) });
    return;
  }
  out.print(trace === undefined ? step.map(printPlan).join('\n') : printTrace(step, trace));
  const classes = Object.entries(bytes).map(([name, each]) => `${name} ${byteText(each)}`);
  out.print(
    `\n${grouped(dispatches.length)} dispatches, ${new Set(dispatches.map((d) => d.kernel)).size} kernels; ${classes.join(', ')}`,
  );
}

function dispatchJson({ kernel, op, form, scope, workgroups, bindings }: Plan['dispatches'][number]): object {
  const values = Object.fromEntries(bindings.map((b) => [b.name, b.value?.shape ?? null]));
  return { kernel, op, form, scope, workgroups, values };
}
