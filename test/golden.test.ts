// The golden runner: it passes what is right on the CPU twin and on the GPU, and fails what is not.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';
import { readFileOf } from '../src/cli/elsewhere/files.ts';
import type { FileSource } from '../src/cli/golden/folder.ts';
import { golden, lineOf } from '../src/cli/golden/golden.ts';
import { Judge } from '../src/cli/golden/judge.ts';
import { type CaseResult, runGolden } from '../src/cli/golden/run_golden.ts';
import { compare, passes } from '../src/cli/golden/verdict.ts';
import { InputError } from '../src/errors.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { shaderformer } from './cli_home.ts';
import { testWith } from './harness/shared.ts';

const small = fileURLToPath(new URL('golden', import.meta.url));
const whole = fileURLToPath(new URL('../../shared/golden', import.meta.url));
const disk: FileSource = { read: readFileOf(small) };

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

/** The results by name, those that passed as true. */
async function verdicts(machine: Twin | Device, files: FileSource, only: string[] = []) {
  const results: CaseResult[] = [];
  const summary = await runGolden({ machine, files, only, onCase: (result) => results.push(result) });
  return {
    summary,
    results,
    failed: results.filter((r) => r.ok === false).map((r) => `${r.op}/${r.case}: ${r.detail}`),
  };
}

test('in f16 the twin itself may be off by what storage costs, and by no more', () => {
  const ceilings = (name: string, off: number) => {
    const judge = new Judge();
    judge.compare(name, Float64Array.of(4 + off, 1), Float64Array.of(4, 1), { atol: 0, rtol: 0 });
    return judge.ceilings().map(passes);
  };
  expect([ceilings('loss', 0.001), ceilings('loss', 0.003)]).toEqual([[true], [false]]);
  expect([ceilings('grad_norm', 0.003), ceilings('grad_norm', 0.01)]).toEqual([[true], [false]]);
  expect([ceilings('final wte', 0.05), ceilings('final wte', 0.1), ceilings('final wte', Number.NaN)]).toEqual([
    [true],
    [false],
    [false],
  ]);
  expect(ceilings('logits_step0', 1)).toEqual([]);
});

describe('the small set', () => {
  test('passes on the twin, far below the tolerances of f32', async () => {
    const { summary, results, failed } = await verdicts(new Twin(), disk);
    expect(failed).toEqual([]);
    expect(summary).toEqual({ passed: 28, failed: 0, skipped: 0 });
    expect(results.filter((r) => r.op !== 'trace' && r.worst! > 0.01)).toEqual([]);
  });

  test('passes on the GPU', async () => {
    const { summary, failed } = await verdicts(device, disk);
    expect(failed).toEqual([]);
    expect(summary).toEqual({ passed: 28, failed: 0, skipped: 0 });
  });

  test('what is not here yet is skipped by name, with the reason', async () => {
    const changed = (from: string, to: string, name = 'index.json'): FileSource => ({
      read: async (file) => {
        const bytes = await disk.read(file);
        if (file !== name) return bytes;
        return new TextEncoder().encode(new TextDecoder().decode(bytes).replace(from, to));
      },
    });
    const reasons: [FileSource, string][] = [
      [changed('"encoder-decoder"', '"retrieval"'), 'training of the kind retrieval is not here yet'],
      [changed('"encoder-decoder"', '"sft"'), 'models of the family encoder-decoder-vaswani2017 are not here yet'],
      [changed('"adam"', '"lion"', 'traces/encdec/trace.json'), 'the optimizer lion is not here yet'],
    ];
    for (const [files, reason] of reasons) {
      const { results } = await verdicts(new Twin(), files, ['encdec']);
      expect(results.map((r) => [r.op, r.case, r.ok, r.detail])).toEqual([['trace', 'encdec', null, reason]]);
      expect(lineOf(results[0]!)).toBe(`skipped        trace encdec: ${reason}`);
    }
  });

  test('one case, or all of an op', async () => {
    const { results } = await verdicts(new Twin(), disk, ['softmax/8x16', 'layernorm']);
    expect(results.map((r) => `${r.op}/${r.case}`)).toEqual([
      'layernorm/5x33',
      'layernorm/offset_8x256',
      'softmax/8x16',
    ]);
  });
});

testWith(
  whole,
  'the whole set beside the project passes, on the twin and on the GPU',
  async () => {
    for (const machine of [new Twin(), device]) {
      const { summary, failed } = await verdicts(machine, { read: readFileOf(whole) });
      expect(failed).toEqual([]);
      expect(summary.passed).toBeGreaterThanOrEqual(94);
    }
  },
  240_000,
);

describe('a case fails', () => {
  /** The small set with one number of one tensor changed. */
  function changed(file: string, tensor: string, index: number, change: (x: number) => number): FileSource {
    return {
      read: async (name) => {
        const bytes = await disk.read(name);
        if (name !== file) return bytes;
        const reader = await SafetensorsReader.open(bytesSource(name, bytes));
        const { start, dtype } = reader.tensors.get(tensor)!;
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const at = start + index * (dtype === 'F64' ? 8 : 4);
        if (dtype === 'F64') view.setFloat64(at, change(view.getFloat64(at, true)), true);
        else view.setFloat32(at, change(view.getFloat32(at, true)), true);
        return bytes;
      },
    };
  }
  /** The trace without its generated text, which takes most of the time. */
  const withoutText = (files: FileSource): FileSource => ({
    read: async (name) => {
      const bytes = await files.read(name);
      if (name !== 'index.json') return bytes;
      return new TextEncoder().encode(new TextDecoder().decode(bytes).replace('"generation.json", ', ''));
    },
  });
  const matmul = 'kernels/matmul.safetensors';

  for (const [what, tensor] of Object.entries({ output: 'y', gradient: 'db', input: 'a' })) {
    test(`when one number of an ${what} is off by a thousandth`, async () => {
      const files = changed(matmul, `nn_33x17x29/${tensor}`, 7, (x) => x + 1e-3);
      const { summary, results } = await verdicts(device, files, ['matmul']);
      expect(summary).toEqual({ passed: 3, failed: 1, skipped: 0 });
      expect(results[0]!.worst).toBeGreaterThan(5);
      if (tensor !== 'a')
        expect(results[0]!.detail).toMatch(new RegExp(`^${tensor}\\[7\\]: got -?[\\d.]+, expected -?[\\d.]+$`));
    });
  }

  test('at twice its tolerance, not at half of it', async () => {
    const off = (share: number) => changed(matmul, 'nn_33x17x29/y', 0, (x) => x + share * (4e-5 + 1e-5 * Math.abs(x)));
    expect((await verdicts(new Twin(), off(0.5), ['matmul/nn_33x17x29'])).results[0]).toMatchObject({ ok: true });
    const { results } = await verdicts(new Twin(), off(2), ['matmul/nn_33x17x29']);
    expect(results[0]!.worst).toBeCloseTo(2, 1);
    expect(results[0]!.ok).toBe(false);
  });

  test('where something is not a number, or has another length', () => {
    const limits = { atol: 1, rtol: 1 };
    expect(passes(compare('x', Float32Array.of(1, Number.NaN, 1), Float32Array.of(1, 1, 1), limits))).toBe(false);
    expect(passes(compare('x', Float32Array.of(1, Infinity), Float32Array.of(1, 1), limits))).toBe(false);
    expect(passes(compare('x', Float32Array.of(1), Float32Array.of(1, 1), limits))).toBe(false);
    expect(passes(compare('x', Float32Array.of(1.5), Float32Array.of(1), { atol: 0, rtol: 0 }))).toBe(false);
    expect(passes(compare('x', Float32Array.of(1), Float32Array.of(1), { atol: 0, rtol: 0 }))).toBe(true);
  });

  test('when an optimizer step, a loss, a weight or a token of a trace differs', async () => {
    const trace = (file: string) => `traces/gpt2/${file}.safetensors`;
    const pairs = (file: string) => `traces/encdec/${file}.safetensors`;
    const cases: [string, FileSource, string][] = [
      [
        'adamw/nowd_64',
        changed('kernels/adamw.safetensors', 'nowd_64/p_steps', 64 * 9 + 3, (x) => x + 1e-4),
        'p_steps[579]',
      ],
      ['gpt2', changed(trace('trace'), 'loss_f64', 13, (x) => x + 1e-4), 'loss[13]'],
      ['gpt2', changed(trace('trace'), 'grad_norm_f64', 3, (x) => x * 1.001), 'grad_norm[3]'],
      [
        'gpt2',
        changed(trace('grads_step0'), 'transformer.h.1.ln_2.bias', 5, (x) => x + 1e-4),
        'gradient of transformer.h.1.ln_2.bias[5]',
      ],
      ['gpt2', changed(trace('final'), 'transformer.wpe.weight', 5, (x) => x + 1e-2), 'final transformer.wpe.weight'],
      ['gpt2', changed(trace('generation'), 'logits1', 5, (x) => x + 1e-2), 'generation: logits 1[5]'],
      ['encdec', changed(pairs('trace'), 'loss_f64', 8, (x) => x + 1e-4), 'loss[8]'],
      ['encdec', changed(pairs('generation'), 'logits', 223, (x) => x + 1e-2), 'generation: logits 1[3]'],
    ];
    for (const [name, files, where] of cases) {
      const text = name !== 'gpt2' || where.startsWith('generation') ? files : withoutText(files);
      const { results } = await verdicts(device, text, [name]);
      expect(results[0]!.ok, where).toBe(false);
      expect(results[0]!.detail.startsWith(where), `${results[0]!.detail} is about ${where}`).toBe(true);
    }
  });
});

describe('a folder that is none is refused', () => {
  const only = (name: string, text: string): FileSource => ({
    read: async (file) => (file === name ? new TextEncoder().encode(text) : disk.read(file)),
  });
  const refused = async (files: FileSource, message: string | RegExp, names: string[] = []) => {
    const run = verdicts(new Twin(), files, names);
    await expect(run).rejects.toThrow(InputError);
    await expect(run).rejects.toThrow(message);
  };
  test('without an index, or with one that is not JSON or not an index', async () => {
    await refused(
      { read: readFileOf(path.join(small, 'kernels')) },
      'index.json: cannot be read (ENOENT). Check the path.',
    );
    await refused(only('index.json', '<html>'), 'index.json: found a web page, expected JSON');
    await refused(only('index.json', '[]'), 'index.json: found a list, expected an object.');
    await refused(
      only('index.json', '{"kernels": [{}], "traces": []}'),
      'index.json: kernels[0]: case: found nothing, expected text.',
    );
  });

  test('with a file that is cut or missing, a tensor that is missing, or a tolerance that is none', async () => {
    const index = new TextDecoder().decode(await disk.read('index.json'));
    await refused(only('kernels/softmax.safetensors', 'short'), 'kernels/softmax.safetensors');
    await refused(
      only('index.json', index.replaceAll('kernels/softmax', 'kernels/hardmax')),
      'hardmax.safetensors: cannot be read (ENOENT)',
    );
    await refused(only('index.json', index.replaceAll('"8x16/"', '"9x16/"')), 'no tensor "9x16/x"');
    await refused(only('index.json', index.replace('"atol": 4e-05', '"atol": "small"')), 'check.y: found atol small');
  });

  test('and so is a name that is not in it', async () => {
    await refused(disk, '--only: found softmx, expected a name of this folder: did you mean softmax?', ['softmx']);
    await refused(disk, /^--only: found flash, expected one of matmul, layernorm, .*encdec, or op\/case\.$/, ['flash']);
  });
});

describe('the command', () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  const words = ['golden', small, ...(adapter ? ['--adapter', adapter] : [])];

  test('prints a line a case and ends with the sums', async () => {
    const { code, stdout, stderr } = await shaderformer([...words, '--only', 'softmax,swiglu'], [golden]);
    expect(code, stderr).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^ok +\d\.\d+ +softmax\/8x16$/);
    expect(lines.at(-1)).toBe('3 passed, 0 failed, 0 skipped');
  });

  test('with --json: an object a line', async () => {
    const { code, stdout } = await shaderformer([...words, '--json', '--only', 'relu'], [golden]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines).toEqual([
      { case: 'normal_4x9x33', op: 'relu', ok: true, worst: expect.any(Number) },
      { passed: 1, failed: 0, skipped: 0 },
    ]);
  });

  test('a bad folder is exit code 2, one sentence', async () => {
    const { code, stdout, stderr } = await shaderformer(['golden', path.join(small, 'kernels')], [golden]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: .*index\.json: cannot be read \(ENOENT\)\. Check the path\.\n$/);
  });

  for (const [where, found] of [
    ['deno', denoProgram],
    ['chromium', findChromium],
  ] as const) {
    test(`runs in ${where}, too`, async (context) => {
      try {
        found();
      } catch (error) {
        context.skip((error as Error).message);
      }
      const { code, stdout, stderr } = await shaderformer(
        ['golden', small, '--in', where, '--only', 'matmul,adamw,gpt2,encdec'],
        [golden],
      );
      expect(code, stderr).toBe(0);
      expect(stdout.trim().split('\n').at(-1)).toBe('9 passed, 0 failed, 0 skipped');
    });
  }
});
