// Going on with a model that is there: its sizes, tokenizer and weights, parts of it frozen, stopped and resumed.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fittingRun } from '../src/cli/fitting_run.ts';
import { forecast } from '../src/cli/forecast.ts';
import { newSettings } from '../src/cli/pretrain_settings.ts';
import { type CausalConfig, makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2_config.ts';
import { llamaConfig } from '../src/nn/llama_config.ts';
import { freezeParts, trainedCount } from '../src/optim/frozen.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch } from '../src/tasks/language.ts';
import { alignSlab } from '../src/tensor/slab.ts';
import { continuedSettings } from '../src/train/continued.ts';
import type { PretrainSettings } from '../src/train/presets.ts';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { type Line, listing, scratchFolder, tiny } from './harness/program.ts';
import { testWith } from './harness/shared.ts';
import { ids, text } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const place = scratchFolder();
let device: Device;
const other = place.at('other.txt');

/** Makes a small model by training it a little. */
async function trained(name: string, ...more: string[]): Promise<string> {
  const words = [...tiny(more), '--data', place.data, '--steps', '30', '--eval-every', '0', '--sample-every', '0'];
  const { code, stderr } = await run(['pretrain', ...words, '--out', place.at(name), '--quiet']);
  if (code !== 0) throw new Error(stderr);
  return place.at(name);
}

beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
  // The same characters in another order.
  fs.writeFileSync(other, `${text.split(' ').reverse().join(' ')} `.repeat(3));
  await trained('gpt2', '--layers', '2');
  await trained('llama', '--family', 'llama', '--kv-heads', '1', '--layers', '2', '--tied', 'off', '--ema', '0.9');
});
afterAll(() => {
  device.close();
  place.remove();
});

const sizes = { vocabSize: 50, blockSize: 16, nEmbd: 16, nLayer: 3, nHead: 2 };

describe('frozen parts', () => {
  const trainedNames = (config: CausalConfig, ...how: [PretrainSettings['train'], string?]) => {
    const model = makeModel(config, { seed: 1 });
    freezeParts(model.parameters, ...how);
    expect(trainedCount(model)).toBe(model.parameters.reduce((n, p) => n + (p.trainable ? p.size : 0), 0));
    return model.parameters.filter((p) => p.trainable).map(({ name }) => name);
  };
  const all = (config: CausalConfig) => makeModel(config, { seed: 1 }).parameters.map(({ name }) => name);

  test('are all but what is trained, by the names of the family', () => {
    const tied = gpt2Config(sizes);
    const norm = ['transformer.ln_f.weight', 'transformer.ln_f.bias'];
    const inLast = (names: string[]) => names.filter((name) => name.includes('.2.'));
    expect(trainedNames(tied, 'all')).toEqual(all(tied));
    expect(trainedNames(tied, 'head')).toEqual(['transformer.wte.weight', ...norm]);
    expect(trainedNames(tied, 'last-block')).toEqual(['transformer.wte.weight', ...inLast(all(tied)), ...norm]);
    const untied = gpt2Config({ ...sizes, tieWordEmbeddings: false });
    expect(trainedNames(untied, 'head')).toEqual([...norm, 'lm_head.weight']);
    const llama = llamaConfig({ ...sizes, tieWordEmbeddings: false });
    expect(trainedNames(llama, 'head')).toEqual(['model.norm.weight', 'lm_head.weight']);
    expect(trainedNames(llama, 'last-block')).toEqual([...inLast(all(llama)), 'model.norm.weight', 'lm_head.weight']);
    expect(inLast(all(llama)).length).toBe(9);
  });

  test('are those of a pattern too', () => {
    const config = gpt2Config(sizes);
    expect(trainedNames(config, 'all', 'transformer.w*, *.ln_1.*')).toEqual(
      all(config).filter((name) => !name.startsWith('transformer.w') && !name.includes('.ln_1.')),
    );
    expect(trainedNames(config, 'head', 'transformer.wte.weight')).toEqual([
      'transformer.ln_f.weight',
      'transformer.ln_f.bias',
    ]);
    for (const [pattern, said] of [
      [
        'wte',
        /^--freeze: found "wte", expected the name of a parameter, perhaps with \* in it: this model has transformer\.wte\.weight, .*transformer\.h\.0\.ln_1\.weight/,
      ],
      ['*.weight,x*y*z', /^--freeze: found "x\*y\*z"/],
      ['*', /^--freeze: found "\*", which leaves nothing to train\. Freeze less\.$/],
      // A pattern that makes a backtracking matcher take for ever.
      [`${'*t'.repeat(60)}!`, /^--freeze: found /],
    ] as const)
      expect(() => trainedNames(config, 'all', pattern)).toThrow(said);
  });

  const configs: [string, CausalConfig][] = [
    ['gpt2', gpt2Config({ ...sizes, tieWordEmbeddings: false })],
    ['tied gpt2', gpt2Config(sizes)],
    ['llama', llamaConfig({ ...sizes, kvHeads: 1, tieWordEmbeddings: false })],
  ];
  for (const [name, config] of configs) {
    test(`have neither gradient nodes nor gradients nor moments, and stay as they are: ${name}`, async () => {
      const planned = (train: PretrainSettings['train'], optimizer: 'adamw' | 'muon' = 'adamw') => {
        const settings = {
          ...continuedSettings(16),
          family: config.family,
          width: 16,
          batch: 2,
          sampleEvery: 0,
          train,
          optimizer,
        };
        const asked = { vocabSize: 50, validationTokens: 60, promptTokens: 8 };
        return { settings, ...fittingRun(device, settings, asked, { seed: 1, config }) };
      };
      for (const train of ['head', 'last-block', 'all'] as const) {
        const { model, memory, step, trainer } = planned(train);
        const bytes = model.parameters.reduce((sum, p) => sum + (p.trainable ? 4 * alignSlab(p.size) : 0), 0);
        const buffers = (kind: string) =>
          memory.buffers.filter((b) => b.class === kind && b.name !== 'optimizer.control');
        expect(memory.bytes.gradients).toBeLessThanOrEqual(bytes + 256);
        expect(
          buffers('gradients')
            .filter((b) => b.name.startsWith('gradients'))
            .map((b) => b.bytes),
        ).toEqual([bytes]);
        expect(buffers('optimizer').map((b) => b.bytes)).toEqual([bytes, bytes]);
        const scopes = new Set(step.flatMap((plan) => plan.dispatches.map(({ scope }) => scope)));
        const backwards = [0, 1, 2].filter((i) =>
          [...scopes].some((scope) => new RegExp(`^(h|layers)\\.${i}\\b`).test(scope) && scope.includes('.backward')),
        );
        // A tied table is trained through the embeddings too, which all blocks stand on.
        const tied = config.tieWordEmbeddings || train === 'all';
        expect(backwards).toEqual(tied ? [0, 1, 2] : train === 'head' ? [] : [2]);

        const before = new Map<string, ArrayLike<number>>();
        for (const [i, p] of model.parameters.entries()) {
          device.write(
            p,
            Float32Array.from({ length: p.size }, (_, j) => Math.sin(i + j) / 4),
          );
          before.set(p.name, (await device.read(p)).slice());
        }
        const inputs = Int32Array.from({ length: 32 }, (_, i) => ids[i]! % 50);
        const batch = languageBatch({ inputs, targets: inputs }, 16);
        for await (const _ of trainer.advance(3, () => ({ batches: [batch], learningRate: 0.01 }))) {
        }
        for (const p of model.parameters) {
          const now = await device.read(p);
          expect([p.name, now.some((x, i) => x !== before.get(p.name)![i])]).toEqual([p.name, p.trainable]);
        }
        trainer.release();
      }
      const muon = planned('last-block', 'muon');
      const all = planned('all', 'muon');
      expect(muon.memory.bytes.optimizer).toBeLessThan(0.8 * all.memory.bytes.optimizer);
    });
  }

  test('of a model too large to train wholly are what is proposed', () => {
    const config = llamaConfig({ ...sizes, nEmbd: 512, nLayer: 40, nHead: 8, tieWordEmbeddings: false });
    const settings = (train: PretrainSettings['train']) =>
      ({
        ...newSettings(continuedSettings(16), { family: 'llama', layers: 40, heads: 8, width: 512, train }),
        sampleEvery: 0,
      }) as const;
    const asked = { vocabSize: 50, validationTokens: 60, promptTokens: 8 };
    const under = (train: PretrainSettings['train']) =>
      forecast(device, settings(train), asked, { seed: 1, config, memoryLimit: 800 });
    expect(() => under('all')).toThrow(
      /^model: training .* parameters needs more than .*another --model, or less of it to train \(--train last-block\)\.$/,
    );
    expect(under('last-block').refusal).toBe(null);
  });
});

const quiet = ['--eval-every', '0', '--sample-every', '0', '--json', '--quiet'];
const goOn = (model: string, out: string, ...more: string[]) =>
  run(['pretrain', '--model', place.at(model), '--data', other, '--out', place.at(out), ...quiet, ...more]);
const event = (lines: Line[], name: string) => lines.findLast((line) => line.event === name)!;
const saved = (out: string, step: number, file: string) =>
  place.at(`${out}/step-${String(step).padStart(6, '0')}/${file}`);

describe('pretrain --model', () => {
  test('begins from the weights, with sizes and tokenizer of the model, and a lower learning rate', async () => {
    const part = fs.readFileSync(other, 'utf8');
    fs.writeFileSync(place.at('part.txt'), part.slice(Math.floor(part.length * 0.9)));
    for (const model of ['gpt2', 'llama']) {
      // Nothing moves: what is evaluated is the model that was named.
      const words = ['--steps', '2', '--learning-rate', '1e-30', '--min-learning-rate', '0'];
      const { code, lines, stderr } = await goOn(model, `${model}-still`, ...words);
      expect(code, stderr).toBe(0);
      const measured = await run(['evaluate', '--model', place.at(model), '--data', place.at('part.txt'), '--json']);
      expect(event(lines, 'end').validationLoss).toBeCloseTo(measured.lines[0]!.loss as number, 5);
      const config = JSON.parse(fs.readFileSync(`${place.at(model)}/step-000030/config.json`, 'utf8'));
      expect(JSON.parse(fs.readFileSync(saved(`${model}-still`, 2, 'config.json'), 'utf8'))).toEqual(config);
      const tokenizer = fs.readFileSync(`${place.at(model)}/step-000030/tokenizer.json`, 'utf8');
      expect(fs.readFileSync(saved(`${model}-still`, 2, 'tokenizer.json'), 'utf8')).toBe(tokenizer);

      const weights = fs.readFileSync(`${place.at(model)}/step-000030/model.safetensors`);
      const hash = createHash('sha256').update(weights).digest('hex');
      expect(event(lines, 'start').model).toEqual({ name: place.at(model), hash });
      const { settings } = JSON.parse(fs.readFileSync(saved(`${model}-still`, 2, 'training.json'), 'utf8'));
      expect(settings).toMatchObject({
        model: place.at(model),
        modelHash: hash,
        layers: 2,
        width: 16,
        context: 16,
        train: 'all',
      });
    }
    const { settings } = JSON.parse(fs.readFileSync(saved('gpt2-still', 2, 'training.json'), 'utf8'));
    expect([continuedSettings(16).learningRate, settings.family, settings.tied]).toEqual([1e-4, 'gpt2', true]);
  });

  test('learns the new text', async () => {
    const { lines, code } = await goOn('gpt2', 'learns', '--steps', '60', '--learning-rate', '0.01');
    const losses = lines.filter((line) => line.event === 'step').map((line) => line.loss as number);
    const mean = (some: number[]) => some.reduce((a, b) => a + b, 0) / some.length;
    expect([code, mean(losses.slice(-10)) < mean(losses.slice(0, 10)) - 0.2]).toEqual([0, true]);
  });

  test.each([
    ['gpt2', '--train', 'last-block', '--dropout', '0.1', '--ema', '0.9'],
    ['llama', '--train', 'head', '--freeze', 'model.norm.*', '--optimizer', 'muon', '--weights', 'ema'],
  ] as const)(
    'stopped and resumed %s ends as if it had never stopped: frozen parts, dropout, averages',
    async (model, ...more) => {
      const words = ['--steps', '12', '--save-every', '5', ...more];
      const whole = await goOn(model, `${model}-whole`, ...words);
      expect(whole.code, whole.stderr).toBe(0);
      const home = fakeHome();
      const { write } = home.stdout;
      home.stdout.write = function (line, done) {
        if (line.includes('"event":"step","step":7,')) home.signals.emit('SIGINT');
        return write.call(this, line, done);
      };
      const out = place.at(`${model}-cut`);
      const cut = await run(
        ['pretrain', '--model', place.at(model), '--data', other, '--out', out, ...quiet, ...words],
        home,
      );
      expect([cut.code, event(cut.lines, 'save').step]).toEqual([130, expect.any(Number)]);
      expect(event(cut.lines, 'save').step).toBeLessThan(12);
      // The model may be gone by then.
      fs.renameSync(place.at(model), place.at(`${model}-away`));
      const second = await run(['pretrain', '--resume', out, '--json', '--quiet']);
      fs.renameSync(place.at(`${model}-away`), place.at(model));
      expect(second.code, second.stderr).toBe(0);
      expect(event(second.lines, 'end')).toEqual(event(whole.lines, 'end'));
      expect(event(second.lines, 'start').model).toEqual(event(whole.lines, 'start').model);
      const { parameters, trainedParameters } = event(whole.lines, 'start') as unknown as Record<string, number>;
      expect(trainedParameters).toBeLessThan(parameters!);
    },
  );

  test('a continued run goes on with the model and the parts that it began with', async () => {
    const again = await run([
      'pretrain',
      '--resume',
      place.at('gpt2-cut'),
      '--steps',
      '14',
      '--model',
      'else',
      '--json',
    ]);
    expect(again.errors[0]).toMatch(/^--model: found else, expected \S+gpt2, with which \S+ began/);
    const train = await run([
      'pretrain',
      '--resume',
      place.at('gpt2-cut'),
      '--steps',
      '14',
      '--train',
      'all',
      '--json',
    ]);
    expect(train.errors[0]).toMatch(/^--train: found all, expected last-block, with which \S+ began/);
  });

  test('begins averages at the weights, and from averages where they are asked for', async () => {
    const words = ['--steps', '2', '--learning-rate', '1e-30', '--min-learning-rate', '0', '--ema', '0.5'];
    const losses: unknown[] = [];
    for (const weights of ['trained', 'ema']) {
      const { lines, stderr } = await goOn('llama', `averages-${weights}`, ...words, '--weights', weights);
      expect(event(lines, 'eval'), stderr).toMatchObject({ emaValidationLoss: event(lines, 'eval').validationLoss });
      losses.push(event(lines, 'eval').validationLoss);
    }
    expect(losses[0]).not.toBe(losses[1]);
  });

  test('sees a shorter context where that is asked for, and keeps the model whole', async () => {
    const { code, lines } = await goOn('gpt2', 'shorter', '--steps', '2', '--context', '8');
    expect([code, (event(lines, 'start').config as Line).blockSize]).toEqual([0, 16]);
    expect(JSON.parse(fs.readFileSync(saved('shorter', 2, 'config.json'), 'utf8')).n_positions).toBe(16);
    const resumed = await run(['pretrain', '--resume', place.at('shorter'), '--steps', '3', '--json', '--quiet']);
    expect([resumed.code, event(resumed.lines, 'end').step]).toEqual([0, 3]);
  });

  test('is timed and searched for a learning rate as any run', async () => {
    const { code, lines } = await goOn('gpt2', 'timed', '--minutes', '1e-7');
    const ten = await goOn('gpt2', 'ten', '--steps', '10');
    expect([code, event(lines, 'end')]).toEqual([0, event(ten.lines, 'end')]);
    const words = ['--model', place.at('gpt2'), '--data', other, '--json', '--quiet', '--find-lr'];
    const found = await run(['pretrain', ...words]);
    expect(found.code, found.stderr).toBe(0);
    expect(found.lines[0]!.loss).toBeCloseTo(
      event(ten.lines, 'step') && (ten.lines.find((l) => l.event === 'step')!.loss as number),
      5,
    );
  });

  test('is named after the text, or else after the model', async () => {
    const home = process.cwd();
    process.chdir(place.folder);
    try {
      const { lines } = await run(['pretrain', '--model', 'gpt2', '--data', other, '--steps', '1', ...quiet]);
      expect(event(lines, 'save').path).toBe('runs/other-1/step-000001');
    } finally {
      process.chdir(home);
    }
  });
});

describe('pretrain --model refuses', () => {
  const refused = async (model: string, ...more: string[]) => {
    const before = listing(place.folder);
    const { code, errors, stdout, stderr } = await goOn(model, 'never', ...more);
    expect([code, stdout, errors.length], stderr).toEqual([2, '', 1]);
    expect(listing(place.folder)).toEqual(before);
    return errors[0]!.replaceAll(place.folder, '');
  };

  test('flags that contradict the model', async () => {
    for (const [words, said] of [
      [['--layers', '3'], /^--layers: found 3, expected 2, which \/gpt2 has\. Leave the flag out\.$/],
      [['--family', 'llama'], /^--family: found llama, expected gpt2, which/],
      [['--width', '32'], /^--width: found 32, expected 16/],
      [['--tied', 'off'], /^--tied: found off, expected on/],
      [['--kv-heads', '1'], /^--kv-heads: found 1, expected 0/],
      [['--tokenizer', 'byte'], /^--tokenizer: found byte beside --model, expected the tokenizer of \/gpt2/],
      [['--init-std', '0.1'], /^--init-std: found beside --model/],
      [['--context', '17'], /^--context: found 17, expected at most 16, which \/gpt2 has/],
      [['--preset', 'moby-small'], /^--preset: found together with --model/],
    ] as const)
      expect(await refused('gpt2', ...words)).toMatch(said);
    // What agrees is taken.
    const agreeing = ['--layers', '2', '--tied', 'on', '--family', 'gpt2', '--steps', '1'];
    expect((await goOn('gpt2', 'agrees', ...agreeing)).code).toBe(0);
    const alone = await run(['pretrain', '--data', other, '--weights', 'ema']);
    expect(alone.errors[0]).toMatch(/^--weights: found without --model/);
  });

  test('a text with characters that the model does not know, and a folder that is none', async () => {
    fs.writeFileSync(place.at('greek.txt'), 'λόγος '.repeat(100));
    expect(await refused('gpt2', '--data', place.at('greek.txt'))).toMatch(/^--data: .*|^\/greek\.txt: .*"λ"/);
    expect(await refused('nowhere')).toMatch(/^\/nowhere: found nothing, expected a run folder or a model folder/);
    fs.mkdirSync(place.at('empty'), { recursive: true });
    expect(await refused('empty')).toMatch(/^\/empty: found an empty folder/);
  });

  test('a model without a tokenizer, unless one that fits is named', async () => {
    fs.cpSync(place.at('gpt2/step-000030'), place.at('bare'), { recursive: true });
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'manifest.json', 'training.json'])
      fs.rmSync(place.at(`bare/${name}`));
    expect(await refused('bare')).toMatch(
      /^\/bare: found no tokenizer, expected the one that this model was trained with/,
    );
    expect(await refused('bare', '--tokenizer', 'char')).toMatch(/^--tokenizer: found char beside --model/);
    expect(await refused('bare', '--tokenizer', 'byte')).toMatch(
      /^\/bare: vocab_size: found \d+, but the tokenizer has 256 tokens/,
    );
    const { code, stderr } = await goOn('bare', 'named', '--tokenizer', place.at('gpt2'), '--steps', '1');
    expect(code, stderr).toBe(0);
  });
});

const stories = '../shared/models/stories260K/hf';
testWith(
  stories,
  'a Llama from elsewhere goes on with its own tokenizer: its loss on a new text falls',
  async () => {
    const words = ['--model', stories, '--data', other, '--out', place.at('stories'), ...quiet];
    const more = ['--context', '32', '--batch', '4', '--steps', '40', '--learning-rate', '0.002'];
    const { code, lines, stderr } = await run(['pretrain', ...words, ...more]);
    expect(code, stderr).toBe(0);
    const losses = lines.filter((line) => line.event === 'step').map((line) => line.loss as number);
    // From what a model of children's stories makes of Moby-Dick, far below guessing among 512 already.
    expect(losses[0]!).toBeLessThan(Math.log(512));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 1);
    const { settings } = JSON.parse(fs.readFileSync(saved('stories', 40, 'training.json'), 'utf8'));
    const sizes = { family: 'llama', layers: 5, heads: 8, kvHeads: 4, width: 64, context: 32 };
    expect(settings).toMatchObject({ ...sizes, model: stories, tokenizer: stories });
  },
  120_000,
);
