// A trace: one whole training run of a model from PyTorch, done again here and compared part by part. It counts as one case, and the
// worst of its parts is its verdict.
import type { Machine } from '../../autograd/machine.ts';
import { ENCODER_DECODER, parseEncoderDecoderConfig } from '../../checkpoint/encoder_decoder_config.ts';
import { text } from '../../checkpoint/fields.ts';
import { parseModelConfig } from '../../checkpoint/model_config.ts';
import { EncoderDecoder } from '../../nn/encoder_decoder.ts';
import { FAMILIES, makeModel } from '../../nn/families.ts';
import type { Trainable } from '../../nn/model.ts';
import { Twin } from '../../reference/twin.ts';
import type { Precision } from '../../tensor/tensor.ts';
import { record } from './fields.ts';
import type { GoldenFolder, TraceCase } from './folder.ts';
import { Judge } from './judge.ts';
import { checkClassification } from './trace_classification.ts';
import { checkPreference } from './trace_dpo.ts';
import { checkGeneration } from './trace_generation.ts';
import { checkLora } from './trace_lora.ts';
import type { TraceParts, TraceRun } from './trace_run.ts';
import { checkInstruction } from './trace_sft.ts';
import { checkTraining, OPTIMIZERS } from './trace_training.ts';
import { checkTranslation } from './trace_translation.ts';
import { checkOtherFiles } from './trace_weights.ts';
import { type Verdict, worstOf } from './verdict.ts';

interface TraceKind {
  /** Of the models that it may be about. */
  families: readonly string[];
  /** Makes the model, compares all that there is, and releases it. */
  run(parts: TraceParts): Promise<Verdict[]>;
}

function kind<M extends Trainable>(
  families: readonly string[],
  make: (json: string, fileName: string) => M,
  check: (run: TraceRun<M>) => Promise<Verdict[]>,
): TraceKind {
  return {
    families,
    async run(parts) {
      const where = `${parts.trace.dir}/config.json`;
      const model = make(await parts.folder.text(where), where);
      try {
        return await check({ ...parts, model });
      } finally {
        parts.machine.release(model.parameters);
      }
    },
  };
}

const language = (check: (run: TraceRun) => Promise<Verdict[]>) =>
  kind(FAMILIES, (json, fileName) => makeModel(parseModelConfig(json, fileName).config, { seed: 0 }), check);

const KINDS: ReadonlyMap<string, TraceKind> = new Map([
  [
    'pretrain',
    language(async (run) => [
      ...(await checkTraining(run)),
      ...(await checkGeneration(run)),
      ...(await checkOtherFiles(run)),
    ]),
  ],
  ['classification', language(checkClassification)],
  ['dpo', language(checkPreference)],
  ['lora', language(checkLora)],
  ['sft', language(checkInstruction)],
  [
    'encoder-decoder',
    kind(
      [ENCODER_DECODER],
      (json, fileName) => new EncoderDecoder(parseEncoderDecoderConfig(json, fileName), { seed: 0 }),
      checkTranslation,
    ),
  ],
]);

/** Why a trace cannot be run, or null. */
export async function whyNotTrace(
  folder: GoldenFolder,
  { kind, dir }: TraceCase,
  dtype: Precision,
): Promise<string | null> {
  const known = KINDS.get(kind);
  if (!known) return `training of the kind ${kind} is not here yet`;
  // MOST_STORAGE is derived for a mean over every position. A loss of few sums has another ceiling.
  if (dtype === 'f16' && kind !== 'pretrain') return 'what f16 may cost is derived for pretraining';
  const family = text(await folder.json(`${dir}/config.json`), 'model_type', `${dir}/config.json`);
  if (!known.families.includes(family)) return `models of the family ${family} are not here yet`;
  const where = `${dir}/trace.json`;
  const optimizer = record((await folder.json(where)).get('hyperparameters'), where).get('optimizer');
  return OPTIMIZERS.some((each) => each === optimizer) ? null : `the optimizer ${optimizer} is not here yet`;
}

/**
 * @param dtype of values between layers; in f16 the twin runs the trace first, which tells what storage costs, see STORAGE_FACTOR and MOST_STORAGE
 */
export async function runTrace(
  machine: Machine,
  folder: GoldenFolder,
  trace: TraceCase,
  dtype: Precision,
): Promise<Verdict> {
  if (dtype === 'f32') return await runOnce(machine, folder, trace, dtype, new Judge());
  const rounded = new Judge();
  await runOnce(new Twin(), folder, trace, dtype, rounded);
  const verdict = await runOnce(machine, folder, trace, dtype, new Judge(rounded.distances));
  return worstOf([verdict, ...rounded.ceilings()]);
}

async function runOnce(
  machine: Machine,
  folder: GoldenFolder,
  trace: TraceCase,
  dtype: Precision,
  judge: Judge,
): Promise<Verdict> {
  return worstOf(await KINDS.get(trace.kind)!.run({ machine, folder, trace, dtype, judge }));
}
