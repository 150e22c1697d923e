// The commands as whole programs: what they print, write and return, and a run that is stopped in one home and goes on in another.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';
import { adapter, type Ended, type Line, listing, type Start, scratchFolder, start, tiny } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const STEPS = 120;
const settings = [...tiny(), '--data', place.data, '--eval-every', '50', '--save-every', '40', '--sample-every', '60'];
const words = [...settings, '--steps', `${STEPS}`, '--sample-prompt', 'It is'];
const pretrain = (out: string, more: readonly string[] = [], options: Start = {}) =>
  start('pretrain', [...words, '--out', place.at(out), ...more], options);
const resume = (out: string, options: Start = {}) => start('pretrain', ['--resume', place.at(out)], options);

const events = (lines: readonly Line[], event: string) => lines.filter((l) => l.event === event);
/** What does not depend on the clock, the folder or the home. */
const metrics = (lines: readonly Line[]) =>
  lines.filter((l) => l.event !== 'save' && l.event !== 'start').map(({ tokensPerSecond: _, ...rest }) => rest);
const metricsOf = (out: string) =>
  fs
    .readFileSync(place.at(`${out}/metrics.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

test('make-picture draws nothing of what is no run', async () => {
  const picture = fileURLToPath(new URL('../demo/pictures/pretrain.svg', import.meta.url));
  const before = fs.statSync(picture).mtimeMs;
  const { code, stderr } = await start('make-picture', ['--help']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^--help: found beside make-picture, expected flags of a run/),
  ]);
  expect(fs.statSync(picture).mtimeMs).toBe(before);
});

let unbroken: Ended;
let endOfUnbroken: Line;
beforeAll(async () => {
  unbroken = await pretrain('unbroken');
  endOfUnbroken = unbroken.lines.at(-1)!;
});

describe('pretrain --json', () => {
  test('prints an object an event and nothing else, and exits 0', () => {
    expect([unbroken.code, unbroken.stderr.match(/error|warning: [^m]/g)]).toEqual([0, null]);
    const [first] = unbroken.lines;
    expect(Object.keys(first!)).toEqual([
      'event',
      'parameters',
      'config',
      'dataset',
      'adapter',
      'dtype',
      'kernels',
      'kernelsFrom',
      'memory',
    ]);
    const memory = first!.memory as Record<string, number>;
    expect(Object.keys(memory)).toEqual(['parameters', 'gradients', 'optimizer', 'activations', 'total']);
    const { total, ...classes } = memory;
    expect(Object.values(classes).reduce((a, b) => a + b, 0)).toBe(total);
    expect(events(unbroken.lines, 'start').length).toBe(1);
    for (const [event, keys] of Object.entries({
      step: ['event', 'step', 'loss', 'gradNorm', 'learningRate', 'tokensPerSecond'],
      eval: ['event', 'step', 'trainLoss', 'validationLoss'],
      sample: ['event', 'step', 'text'],
      save: ['event', 'step', 'path'],
      end: ['event', 'step', 'validationLoss', 'parameterHash'],
    }))
      for (const line of events(unbroken.lines, event)) expect(Object.keys(line).sort()).toEqual(keys.sort());
  });

  test('tells every step from 1, and what comes between them when it is due', () => {
    const steps = (event: string) => events(unbroken.lines, event).map((l) => l.step!);
    expect(steps('step')).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(steps('eval')).toEqual([50, 100, 120]);
    expect(steps('sample')).toEqual([0, 60, 120]);
    expect(steps('save')).toEqual(expect.arrayContaining([40, 80, 120]));
    expect(steps('end')).toEqual([STEPS]);
    expect(endOfUnbroken).toBe(unbroken.lines.at(-1));
    expect(endOfUnbroken.parameterHash).toMatch(/^[0-9a-f]{64}$/);
    expect(endOfUnbroken.validationLoss).toBe(events(unbroken.lines, 'eval').at(-1)!.validationLoss);
    for (const { text } of events(unbroken.lines, 'sample')) expect(text).toMatch(/^It is/);
    for (const { path: saved, step } of events(unbroken.lines, 'save'))
      expect(saved).toBe(place.at(`unbroken/step-${String(step).padStart(6, '0')}`));
  });

  test('writes the same lines to metrics.jsonl', () => {
    expect(metricsOf('unbroken')).toEqual(unbroken.lines);
  });
});

describe('the run folder', () => {
  const file = (name: string) => place.at(`unbroken/${name}`);
  const last = 'step-000120';

  test('holds curves, samples, the report, and the names of the best and the last step', () => {
    const names = fs.readdirSync(place.at('unbroken'));
    expect(names.filter((n) => !n.startsWith('step-')).sort()).toEqual(
      ['best', 'last', 'metrics.jsonl', 'report.html', 'samples.txt'].sort(),
    );
    expect(fs.readFileSync(file('last'), 'utf8').trim()).toBe(last);
    const best = events(unbroken.lines, 'eval').sort((a, b) => Number(a.validationLoss) - Number(b.validationLoss))[0]!;
    expect(fs.readFileSync(file('best'), 'utf8').trim()).toBe(`step-${String(best.step).padStart(6, '0')}`);
    expect(fs.readFileSync(file('samples.txt'), 'utf8')).toContain('It is');
    expect(fs.readFileSync(file('report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
  });

  test('a step is a Hugging Face folder and the training state, under a manifest', async () => {
    expect(fs.readdirSync(file(last)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'manifest.json',
      'model.safetensors',
      'optimizer.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'training.json',
    ]);
    const config = JSON.parse(fs.readFileSync(file(`${last}/config.json`), 'utf8')) as Record<string, unknown>;
    // The keys that transformers writes for a GPT2LMHeadModel.
    expect(Object.keys(config)).toEqual(
      `architectures model_type vocab_size n_positions n_ctx n_embd n_layer n_head n_inner activation_function layer_norm_epsilon
       attn_pdrop embd_pdrop resid_pdrop scale_attn_weights scale_attn_by_inverse_layer_idx reorder_and_upcast_attn initializer_range
       tie_word_embeddings torch_dtype use_cache bos_token_id eos_token_id`.split(/\s+/),
    );
    const golden = fileURLToPath(new URL('../../shared/golden/traces/gpt2/config.json', import.meta.url));
    if (fs.existsSync(golden)) {
      const theirs = JSON.parse(fs.readFileSync(golden, 'utf8')) as Record<string, unknown>;
      expect(Object.keys(config)).toEqual(Object.keys(theirs));
    }
    expect(config).toMatchObject({ model_type: 'gpt2', n_positions: 16, n_embd: 16, n_layer: 1, n_head: 2 });
    const weights = await SafetensorsReader.open(
      bytesSource('model', fs.readFileSync(file(`${last}/model.safetensors`))),
    );
    const block = `ln_1.weight ln_1.bias attn.c_attn.weight attn.c_attn.bias attn.c_proj.weight attn.c_proj.bias
      ln_2.weight ln_2.bias mlp.c_fc.weight mlp.c_fc.bias mlp.c_proj.weight mlp.c_proj.bias`.split(/\s+/);
    expect([...weights.tensors.keys()].sort()).toEqual(
      ['wte.weight', 'wpe.weight', ...block.map((n) => `h.0.${n}`), 'ln_f.weight', 'ln_f.bias']
        .map((n) => `transformer.${n}`)
        .sort(),
    );
    expect(weights.metadata.get('format')).toBe('pt');
    expect(weights.tensors.get('transformer.h.0.attn.c_attn.weight')!.shape).toEqual([16, 48]); // Conv1D: (in, out)
  });
});

describe('a run that is stopped', () => {
  test('by Ctrl-C: the step ends, the state is saved, the code is 130; it goes on to the same hash and metrics', async () => {
    const { code, lines, stderr } = await pretrain('interrupted', [], { signal: { name: 'SIGINT', at: 'step' } });
    expect(code).toBe(130);
    expect(stderr).toContain('stopping');
    const saved = lines.at(-1)!;
    expect(saved.event).toBe('save');
    expect(saved.step).toBe(events(lines, 'step').at(-1)!.step);
    expect(saved.step).toBeLessThan(STEPS);
    const second = await resume('interrupted');
    expect(second.code).toBe(0);
    expect(second.lines.map((l) => l.event).slice(0, 2)).toEqual(['start', 'step']);
    expect(metrics([...lines, ...second.lines])).toEqual(metrics(unbroken.lines));
    expect(metrics(metricsOf('interrupted'))).toEqual(metrics(unbroken.lines));
    expect(second.lines.at(-1)!.parameterHash).toBe(endOfUnbroken.parameterHash);
  });

  test('by SIGTERM in Node: the code is 143; it goes on in Deno to the same hash', async (context) => {
    const { code, lines } = await pretrain('moved', [], { signal: { name: 'SIGTERM', at: 'step' } });
    expect(code).toBe(143);
    expect(lines.at(-1)!.event).toBe('save');
    const missing = whyNotDeno();
    if (missing) context.skip(missing);
    const second = await resume('moved', { home: 'deno' });
    expect([second.code, second.stderr.match(/error: .*/g)]).toEqual([0, null]);
    expect(metrics([...lines, ...second.lines])).toEqual(metrics(unbroken.lines));
    expect(second.lines.at(-1)!.parameterHash).toBe(endOfUnbroken.parameterHash);
  });
});

test('the same command gives the same losses and hash in Deno on the same adapter', async (context) => {
  const missing = whyNotDeno();
  if (missing) context.skip(missing);
  const { code, lines, stderr } = await pretrain('deno', [], { home: 'deno' });
  expect([code, stderr.match(/error: .*/g)]).toEqual([0, null]);
  expect(metrics(lines)).toEqual(metrics(unbroken.lines));
});

test('generate continues standard input, as a program', async () => {
  const words = ['--model', place.at('unbroken'), '--temperature', '0', '--max-new-tokens', '12'];
  const { code, lines } = await start('generate', words, { input: 'It is a way\n' });
  expect([code, lines.length]).toEqual([0, 1]);
  const [line] = lines;
  expect(Object.keys(line!)).toEqual(['text', 'ids', 'promptIds', 'tokensPerSecond']);
  expect((line!.promptIds as number[]).length).toBe('It is a way'.length);
  expect([(line!.ids as number[]).length, (line!.text as string).length]).toEqual([12, 12]);
});

test('a refusal is one sentence, code 2, and nothing written, as a program', async () => {
  const before = listing(place.folder);
  const { code, stdout, stderr } = await start('pretrain', [
    '--data',
    place.at('absent.txt'),
    '--out',
    place.at('never'),
  ]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.trimEnd().split('\n').at(-1)).toBe(
    `error: ${place.at('absent.txt')}: found nothing there, expected a text file or a folder of them. Check --data.`,
  );
  expect(listing(place.folder)).toEqual(before);
});

/** Deno takes part where it is installed and both homes have the adapter; '' then. */
function whyNotDeno(): string {
  if (adapter === undefined || !/swiftshader|llvmpipe/i.test(adapter))
    return 'Deno and Node are compared on a software adapter only: --adapter swiftshader';
  try {
    denoProgram();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
