// Copying and reversing: an encoder-decoder learns in a minute or two to write a sequence of symbols again, or from the back, and is
// judged by sequences that it has not seen, written token by token.
// `npx tsx scripts/recipes/toys.ts copy|reverse [--seed 0] [--steps 1000] [--positions sinusoidal] [--norm pre] [--adapter NAME] [--json]`;
// `--alphabet 16 --longest 12` are the sizes of the sequences. No sequence comes twice, neither in training nor between the two parts.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { diskStore } from '../../src/cli/tune/disk_store.ts';
import { InputError } from '../../src/errors.ts';
import { Translator } from '../../src/generate/translator.ts';
import { EncoderDecoder, encoderDecoderConfig } from '../../src/nn/encoder_decoder.ts';
import { parameterCount } from '../../src/nn/model.ts';
import type { NormPlace, Positions } from '../../src/nn/transformer_config.ts';
import { openDevice } from '../../src/runtime/device.ts';
import { translateTask } from '../../src/tasks/translate.ts';
import { pairRows } from '../../src/tasks/translate_rows.ts';
import { fastKernels } from '../../src/tune/kernel_choice.ts';
import { type Course, teach } from './course.ts';
import { oneOf, wholeOf } from './recipe_flags.ts';
import { BEGIN, END, makeSequences, PAD, TOYS, tokenShare, vocabularyOf } from './sequences.ts';

const SIZES = { nEmbd: 32, nHead: 4, encoderLayers: 1, decoderLayers: 1 };
const SHORTEST = 3;
const COURSE: Course = { epochs: 1, batch: 32, learningRate: 1e-2 };
/** Sequences to be judged by. */
const HELD_OUT = 300;
const POSITIONS = ['sinusoidal', 'rotary', 'learned'] as const satisfies readonly Positions[];
const NORMS = ['pre', 'post'] as const satisfies readonly NormPlace[];

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '0' },
      steps: { type: 'string', default: '1000' },
      positions: { type: 'string', default: POSITIONS[0] },
      norm: { type: 'string', default: NORMS[0] },
      alphabet: { type: 'string', default: '16' },
      longest: { type: 'string', default: '12' },
      json: { type: 'boolean', default: false },
      adapter: { type: 'string' },
    },
    allowPositionals: true,
  });
  const toys = Object.keys(TOYS) as (keyof typeof TOYS)[];
  if (positionals.length !== 1)
    throw new InputError(`toys: found ${positionals.length} tasks, expected one of ${toys.join(' and ')}.`);
  const toy = oneOf('task', positionals[0]!, toys);
  const seed = wholeOf('seed', values.seed, 0);
  const steps = wholeOf('steps', values.steps, 1);
  const sizes = {
    alphabet: wholeOf('alphabet', values.alphabet, 2),
    shortest: SHORTEST,
    longest: wholeOf('longest', values.longest, SHORTEST),
  };
  const config = encoderDecoderConfig({
    ...{ ...SIZES, vocabSize: vocabularyOf(sizes), blockSize: sizes.longest + 1, padId: PAD, bosId: BEGIN, eosId: END },
    norm: oneOf('norm', values.norm, NORMS),
    positions: oneOf('positions', values.positions, POSITIONS),
  });
  const pairs = makeSequences(HELD_OUT + steps * COURSE.batch, sizes, seed).map(TOYS[toy]);
  const [heldOut, learned] = [pairs.slice(0, HELD_OUT), pairs.slice(HELD_OUT)];

  const say = (json: object, text: string) => process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`);
  const model = new EncoderDecoder(config, { seed });
  say(
    { toy, seed, steps, settings: { ...config, ...sizes, ...COURSE } },
    `${toy}: ${learned.length} sequences of ${SHORTEST} to ${sizes.longest} of ${sizes.alphabet} symbols, ${parameterCount(model)} parameters, ` +
      `${config.positions} positions, norms ${config.norm === 'pre' ? 'in front' : 'behind'}`,
  );
  const kernels = fastKernels(diskStore(process.env));
  const device = await openDevice({ kernels, ...(values.adapter !== undefined && { adapter: values.adapter }) });
  const since = performance.now();
  const seconds = () => Math.round((performance.now() - since) / 100) / 10;
  const every = Math.ceil(steps / 10);
  const told = (step: number, loss: number) => {
    if (step % every === 0)
      say({ step, loss, seconds: seconds() }, `step ${step} of ${steps}: loss ${loss.toFixed(3)}, ${seconds()} s`);
  };
  await teach({ device, model, task: translateTask(), seed, told }, pairRows(learned, config), COURSE);
  const trained = seconds();
  const translator = new Translator(device, model);
  const written = await translator.translate(
    heldOut.map(({ source }) => Array.from(source)),
    { beams: 1, maxNewTokens: () => sizes.longest + 1 },
  );
  const answers = written.map(({ ids }) => ids);
  const expected = heldOut.map(({ target }) => Array.from(target));
  const tokens = tokenShare(answers, expected);
  const whole = answers.filter((ids, i) => ids.join() === expected[i]!.join()).length / HELD_OUT;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  say(
    { heldOut: HELD_OUT, tokens, whole, trainSeconds: trained, seconds: seconds() },
    `${HELD_OUT} sequences not seen: ${percent(tokens)} of the tokens right, ${percent(whole)} of the sequences whole; ${trained} s of training, ${seconds()} s in all`,
  );
  device.close();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InputError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
