// What cannot work is refused before it begins: one sentence, exit code 2, no stack, nothing written.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesSource, collectBytes, SafetensorsReader, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { run } from './harness/inside.ts';
import { listing, scratchFolder, tiny } from './harness/program.ts';
import { resign } from './harness/resign.ts';

const place = scratchFolder();
const model = place.at('model');
beforeAll(async () => {
  const words = [
    ...tiny(),
    '--data',
    place.data,
    '--steps',
    '4',
    '--sample-every',
    '0',
    '--out',
    place.at('run'),
    '--quiet',
  ];
  const { code, stderr } = await run(['pretrain', ...words]);
  if (code !== 0) throw new Error(stderr);
  // A plain Hugging Face folder, as it comes from elsewhere: without a manifest that would find the damage first.
  fs.mkdirSync(model);
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    fs.copyFileSync(place.at(`run/step-000004/${name}`), `${model}/${name}`);
});
afterAll(() => place.remove());

/** Runs and expects a refusal. @returns the sentence */
async function refused(words: readonly string[]): Promise<string> {
  const before = listing(place.folder);
  const { code, stdout, stderr, errors } = await run([...words, '--quiet']);
  expect({ code, stdout, errors: errors.length }, stderr).toEqual({ code: 2, stdout: '', errors: 1 });
  expect(stderr).not.toMatch(/^\s+at |unexpected|defect/m);
  expect(errors[0]).toMatch(/^\S+: .+$/); // one line
  expect(listing(place.folder)).toEqual(before);
  return errors[0]!.replaceAll(place.folder, '');
}
const pretrain = (...more: string[]) =>
  refused(['pretrain', ...tiny(more), '--data', place.data, '--out', place.at('new')]);
const withData = (bytes: string | Uint8Array, ...more: string[]) => {
  fs.writeFileSync(place.at('bad.txt'), bytes);
  return refused(['pretrain', ...tiny(more), '--data', place.at('bad.txt'), '--out', place.at('new')]);
};

test('an adapter that is not here, with those that are', async () => {
  expect(await pretrain('--adapter', 'nonsense')).toMatch(
    /^adapter: found none with "nonsense" in its name, expected a part of one of: .+/,
  );
});

describe('data', () => {
  test('missing, empty, binary, of another encoding', async () => {
    expect(await refused(['pretrain', '--data', place.at('absent.txt')])).toMatch(
      /^\/absent\.txt: found nothing there/,
    );
    expect(await withData('')).toMatch(/^\/bad\.txt: .*empty/);
    expect(await withData(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0]))).toMatch(
      /^\/bad\.txt: .*picture/,
    );
    expect(await withData(`some text ${'\0'.repeat(3)} and more`)).toMatch(/^\/bad\.txt: .*NUL/);
    expect(await withData(Uint8Array.from([...Buffer.from('some text '), 0xc3, 0x28, 0x41]))).toMatch(
      /^\/bad\.txt: .*UTF-8/,
    );
  });

  test('shorter than one context, with the context that fits', async () => {
    expect(await withData('abcdefghij'.repeat(10))).toMatch(
      /^bad: found 10 tokens in the validation part, expected at least 17 for a context of 16\. Use --context 9, or a longer text\.$/,
    );
  });

  test('with characters that a loaded tokenizer or a prompt does not know', async () => {
    fs.writeFileSync(place.at('greek.txt'), 'first line\nsecond with λόγος');
    const unknown = /^\/greek\.txt: line 2: found "λ" .* not among the \d+ characters that the loaded tokenizer knows/;
    expect(await refused(['evaluate', '--model', model, '--data', place.at('greek.txt')])).toMatch(unknown);
    expect(await pretrain('--sample-prompt', 'λ')).toMatch(/λ/);
    expect(await refused(['generate', '--model', model, '--prompt', 'λ'])).toMatch(/λ/);
  });
});

describe('a model', () => {
  test('whose width is not divisible by its heads', async () => {
    expect(await pretrain('--width', '30', '--heads', '4')).toMatch(
      /^model: width 30 is not divisible by 4 heads; use .*[35]/,
    );
  });

  test.each([
    ['too wide and deep for any adapter', ['--layers', '1000', '--width', '131072']],
    ['that is only too deep', ['--layers', '1000', '--width', '8192']],
    ['that this machine cannot hold', ['--layers', '40', '--width', '16384']],
    ['with a batch whose states do not fit a buffer', ['--batch', '1048576', '--width', '1024']],
  ])('%s, within a second, by bytes and with what to change', async (_, sizes) => {
    const since = performance.now();
    const sentence = await pretrain(...sizes);
    expect(performance.now() - since).toBeLessThan(3000); // a second, on a machine that does other things too
    expect(sentence).toMatch(
      /^model: .* MiB.* (A smaller model is needed: fewer --layers \(\d+\) or a smaller --width \(\d+\)|Use --batch \d+ --accumulate \d+: then it needs [\d.]+ MiB)\.$/,
    );
    expect(await refused(['inspect', ...tiny(sizes)])).toMatch(/^model: .* MiB/);
  });
});

describe('settings', () => {
  test('that contradict each other, or a flag that is out of range', async () => {
    expect(await pretrain('--steps', '10', '--warmup-steps', '11')).toMatch(
      /^--warmup-steps: found 11, expected at most the 10 steps/,
    );
    expect(await pretrain('--learning-rate', '0.001', '--min-learning-rate', '0.1')).toMatch(
      /^--min-learning-rate: found 0\.1/,
    );
    expect(await pretrain('--steps', '10', '--minutes', '1')).toMatch(/^--minutes: found together with --steps/);
    expect(await pretrain('--batch', '0')).toMatch(/^--batch: found/);
    expect(await pretrain('--windows', 'strided', '--stride', '100', '--batch', '500')).toMatch(
      /^windows: found \d+ windows/,
    );
    expect(await pretrain('--kernels', place.at('absent.json'))).toMatch(/^--kernels: \/absent\.json: ENOENT/);
    expect(await pretrain('--kernels', '/dev/zero')).toMatch(/^--kernels: \/dev\/zero: found a device or pipe, /);
    expect(await pretrain('--tokenizer', place.at('nowhere'))).toMatch(
      /^--tokenizer: found \/nowhere, expected char, byte, gpt2, a folder with a tokenizer, or owner\/name on the hub\.$/,
    );
    expect(await pretrain('--tokenizer', place.folder)).toMatch(/^: found no tokenizer\.json/);
    expect(await pretrain('--windows', 'random', '--stride', '4')).toMatch(
      /^--stride: found 4 beside --windows random, expected strided windows/,
    );
    expect(await pretrain('--validation-part', '1')).toMatch(/For example: --validation-part 0\.1$/);
    expect(await pretrain('--resume', place.at('run'))).toMatch(/^--resume: found together with --out/);
  });
});

describe('--out', () => {
  const out = (dir: string) => refused(['pretrain', ...tiny(), '--data', place.data, '--out', dir]);

  test('with another run, a file, or in no folder', async () => {
    expect(await out(place.at('run'))).toBe(
      '/run: holds another run, saved at step 4, expected a new folder. Choose another one, or go on with --resume /run.',
    );
    expect(await out(place.data)).toMatch(/^\/text\.txt: found a file, expected a folder/);
    expect(await out(place.at('no/such/place'))).toMatch(/^\/no\/such\/place: the folder \/no\/such does not exist/);
  });

  test('that cannot be written', async (context) => {
    const dir = place.at('sealed');
    fs.mkdirSync(dir);
    fs.chmodSync(dir, 0o555);
    // Root may write anywhere but into /proc, where nobody may.
    const place2 = process.getuid?.() === 0 ? '/proc/self' : dir;
    if (!fs.existsSync(place2)) context.skip('no read-only place for root here: /proc is not there');
    expect(await out(`${place2}/run`)).toMatch(/run: cannot be used: E\w+, .*, expected a folder that can be written/);
    fs.chmodSync(dir, 0o755);
    fs.rmdirSync(dir);
  });
});

describe('--resume', () => {
  const resume = (...more: string[]) => refused(['pretrain', '--resume', place.at('run'), ...more]);

  test('beside flags that disagree with the run, finished or not', async () => {
    expect(await resume('--width', '32')).toMatch(
      /^--width: found 32, expected 16, with which \/run\/step-000004 began/,
    );
    expect(await resume('--skip-spikes')).toMatch(/^--skip-spikes: found --skip-spikes, expected --no-skip-spikes,/);
    expect(await resume('--steps', '2')).toMatch(/^--steps: found 2, expected at least 4/);
    expect(await resume('--seed', '5')).toMatch(/^--seed: found 5, expected 1337/);
    expect(await resume('--sample-prompt', 'x')).toMatch(/^--sample-prompt: found "x", expected null/);
    expect(await resume('--kernels', 'portable')).toMatch(/^--kernels: found portable, expected auto/);
  });

  test('of a checkpoint whose settings were changed', async () => {
    const step = place.at('changed/step-000004');
    fs.cpSync(place.at('run'), place.at('changed'), { recursive: true });
    const state = JSON.parse(fs.readFileSync(`${step}/training.json`, 'utf8'));
    const open = async (change: object) => {
      fs.writeFileSync(`${step}/training.json`, JSON.stringify({ ...state, ...change }));
      resign(step);
      return refused(['pretrain', '--resume', place.at('changed'), '--steps', '6']);
    };
    const begin = '/changed/step-000004/training.json: settings';
    for (const [name, value, says] of [
      ['accumulate', '2', 'found the text "2", expected a whole number of batches from 1 to 4096'],
      ['accumulate', 0, 'found 0, expected a whole number of batches from 1'],
      ['dropout', 1.5, 'found 1.5, expected a number, 0 or more and below 1'],
      ['learningRate', 'x', 'found the text "x", expected a number above'],
      ['skipSpikes', 'yes', 'found the text "yes", expected true or false'],
      ['optimizer', 'foo', 'found the text "foo", expected one of adamw, muon'],
      ['ema', undefined, 'found nothing, expected a number'],
      ['layers', 1e9, 'found 1000000000, expected a whole number from 1 to 1000'],
      ['shards', '{}', 'found the text "{}", expected a JSON list of hashes'],
    ] as const)
      expect(await open({ settings: { ...state.settings, [name]: value } })).toContain(`${begin}.${name}: ${says}`);
    expect(await open({ cursor: {} })).toContain(
      'training.json: cursor.kind: found nothing, expected random or strided',
    );
    fs.rmSync(`${step}/optimizer.safetensors`);
    expect(await open({})).toMatch(/^\/changed\/step-000004: found no optimizer\.safetensors, expected/);
  });

  test('with another text', async () => {
    fs.writeFileSync(place.at('other.txt'), fs.readFileSync(place.data, 'utf8').replace('It is', 'is It'));
    expect(await resume('--steps', '6', '--data', place.at('other.txt'))).toMatch(
      /dataHash: found .* Resume with the data the run began with/,
    );
  });

  test('of a folder without a checkpoint', async () => {
    fs.mkdirSync(place.at('hollow'), { recursive: true });
    expect(await refused(['pretrain', '--resume', place.at('hollow')])).toMatch(
      /^\/hollow: no checkpoint to resume: it is empty/,
    );
    expect(await refused(['pretrain', '--resume', place.at('nothing')])).toMatch(
      /^\/nothing: found nothing, expected a run folder/,
    );
  });
});

describe('a model folder', () => {
  const good = () => fs.readFileSync(place.at('run/step-000004/model.safetensors'));
  /** The folder with other bytes as its weights, or with other fields in config.json. */
  const withWeights = async (bytes: Uint8Array, command: 'generate' | 'evaluate' = 'evaluate') => {
    const dir = place.at('damaged');
    fs.cpSync(model, dir, { recursive: true });
    fs.writeFileSync(`${dir}/model.safetensors`, bytes);
    const input = command === 'generate' ? ['--prompt', 'It'] : ['--data', place.data];
    try {
      return await refused([command, '--model', dir, ...input]);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  };
  /** The weights with a header made of the present one. */
  const withHeader = (
    change: (header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>) => void,
  ) => {
    const bytes = good();
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    change(header);
    const text = Buffer.from(JSON.stringify(header));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([size, text, bytes.subarray(8 + length)]);
  };
  const wte = 'transformer.wte.weight';

  test('that is not there, or is none', async () => {
    expect(await refused(['generate', '--model', place.at('nothing'), '--prompt', 'It'])).toMatch(
      /^\/nothing: found nothing/,
    );
    fs.mkdirSync(place.at('bare'));
    expect(await refused(['generate', '--model', place.at('bare'), '--prompt', 'It'])).toMatch(
      /^\/bare: found .*, expected a run folder or a model folder/,
    );
  });

  test('with a folder where a file should be', async () => {
    const odd = place.at('odd');
    fs.cpSync(model, odd, { recursive: true });
    fs.rmSync(`${odd}/model.safetensors`);
    fs.mkdirSync(`${odd}/model.safetensors`);
    expect(await refused(['generate', '--model', odd, '--prompt', 'It'])).toMatch(
      /^\/odd\/model\.safetensors: found a folder, expected a file/,
    );
    fs.writeFileSync(`${odd}/tokenizer.json`, 'null');
    expect(await refused(['generate', '--model', odd, '--prompt', 'It'])).toMatch(
      /^\/odd\/(tokenizer\.json|model\.safetensors): found/,
    );
  });

  test('with a header that is cut, oversized, or declares more than there is', async () => {
    expect(await withWeights(good().subarray(0, 40))).toMatch(/model\.safetensors: header says \d+ bytes, .* left/);
    expect(await withWeights(good().subarray(0, 5))).toMatch(/model\.safetensors: .*5 bytes/);
    expect(await withWeights(new Uint8Array(0))).toMatch(/model\.safetensors: .*empty/);
    expect(await withWeights(good().subarray(0, good().length - 4), 'generate')).toMatch(/model\.safetensors: /);
    const huge = Buffer.concat([Buffer.alloc(8, 0xff), good().subarray(8)]);
    expect(await withWeights(huge)).toMatch(/model\.safetensors: header says 18446744073709551615 bytes/);
  });

  test('with offsets that overlap or leave holes, and unknown or wrong types', async () => {
    const overlap = withHeader((h) => {
      const names = Object.keys(h).filter((n) => n !== '__metadata__');
      h[names[1]!]!.data_offsets = h[names[0]!]!.data_offsets;
    });
    expect(await withWeights(overlap)).toMatch(/model\.safetensors: /);
    expect(await withWeights(withHeader((h) => void (h[wte]!.dtype = 'F33')))).toMatch(/F33/);
    expect(await withWeights(withHeader((h) => void (h[wte]!.dtype = 'I32')))).toMatch(/I32/);
  });

  test('whose weights and config.json disagree: names and shapes are listed', async () => {
    const dir = place.at('wider');
    fs.cpSync(model, dir, { recursive: true });
    const config = JSON.parse(fs.readFileSync(`${dir}/config.json`, 'utf8')) as Record<string, unknown>;
    const withConfig = async (more: object) => {
      fs.writeFileSync(`${dir}/config.json`, JSON.stringify({ ...config, ...more }));
      return refused(['generate', '--model', dir, '--prompt', 'It']);
    };
    expect(await withConfig({ vocab_size: 99 })).toMatch(
      /"transformer\.wte\.weight" is \[\d+, ?16\], expected \[99, ?16\]/,
    );
    expect(await withConfig({ n_layer: 2 })).toMatch(/12 missing: "transformer\.h\.1\.ln_1\.weight"/);
    expect(await withConfig({ n_head: 3 })).toMatch(/n_head: found 3, but n_embd 16 is not divisible by 3/);
    expect(await withConfig({ model_type: 'mamba' })).toMatch(/model_type: found text "mamba"/);
    fs.writeFileSync(`${dir}/config.json`, '{"model_type": ');
    expect(await refused(['generate', '--model', dir, '--prompt', 'It'])).toMatch(/config\.json: /);
  });

  test('whose tokenizer has more tokens than its embedding', async () => {
    const dir = place.at('other-words');
    fs.cpSync(model, dir, { recursive: true });
    const tokenizer = JSON.parse(fs.readFileSync(`${dir}/tokenizer.json`, 'utf8'));
    const size = Object.keys(tokenizer.model.vocab).length;
    tokenizer.model.vocab.λ = size;
    fs.writeFileSync(`${dir}/tokenizer.json`, JSON.stringify(tokenizer));
    expect(await refused(['evaluate', '--model', dir, '--data', place.data])).toMatch(
      new RegExp(`vocab_size: found ${size}, but the tokenizer has ${size + 1} tokens`),
    );
  });

  test('with NaN in its weights', async () => {
    const reader = await SafetensorsReader.open(bytesSource('good', good()));
    const entries = await Promise.all(
      [...reader.tensors].map(async ([name, { shape }]) => ({
        name,
        shape,
        dtype: 'F32' as const,
        data: await reader.readFloat32(name),
      })),
    );
    entries.find((e) => e.name === wte)!.data[17] = Number.NaN;
    expect(await withWeights(await collectBytes(writeSafetensors(entries)), 'generate')).toMatch(
      /"transformer\.wte\.weight": holds 1 NaN \(first at 17\), expected finite numbers/,
    );
  });
});

describe('generate and evaluate', () => {
  test('without what they need, or with too much', async () => {
    expect(await refused(['generate', '--prompt', 'It'])).toMatch(/^--model: found nothing/);
    expect(await refused(['generate', '--model', model, '--prompt', 'It', '--prompt-ids', '1'])).toMatch(
      /^--prompt-ids: found together/,
    );
    expect(await refused(['generate', '--model', model, '--prompt', ''])).toMatch(/^--prompt: found an empty text/);
    expect(await refused(['generate', '--model', model, '--prompt-ids', '1,x'])).toMatch(
      /^--prompt-ids: found "x", expected whole numbers from 0 to/,
    );
    for (const id of ['999', '1e1', '0x10', '+1', '-1', '1.0'])
      expect(await refused(['generate', '--model', model, '--prompt-ids', id])).toContain(
        `--prompt-ids: found "${id}", expected whole numbers from 0 to `,
      );
    expect(await refused(['evaluate', '--model', model])).toMatch(/^evaluate: found neither --data nor --ids/);
    fs.writeFileSync(place.at('ids.json'), '[1, 2, 999]');
    expect(await refused(['evaluate', '--model', model, '--ids', place.at('ids.json')])).toMatch(
      /^\/ids\.json: entry 2: found 999, expected whole numbers from 0 to/,
    );
    fs.writeFileSync(place.at('ids.json'), '[1]');
    expect(await refused(['evaluate', '--model', model, '--ids', place.at('ids.json')])).toMatch(
      /^\/ids\.json: found 1 token, expected at least 2/,
    );
    fs.writeFileSync(place.at('ids.json'), '{');
    expect(await refused(['evaluate', '--model', model, '--ids', place.at('ids.json')])).toMatch(
      /^\/ids\.json: not JSON/,
    );
  });
});
