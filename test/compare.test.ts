// pretrain --compare: run folders in, a table and one page out, nothing trained. The folders are made here as a run makes them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../src/checkpoint/run.ts';
import { trainingStateJson } from '../src/checkpoint/training_state.ts';
import { figuresTable } from '../src/cli/compare_table.ts';
import { pretrain } from '../src/cli/pretrain.ts';
import { settingRows } from '../src/cli/run_settings.ts';
import { styleFor } from '../src/cli/terminal.ts';
import { fakeHome, fakeRun, shaderformer } from './cli_home.ts';

let place: string;
beforeAll(() => {
  place = fs.mkdtempSync(path.join(os.tmpdir(), 'compare-'));
});
afterAll(() => fs.rmSync(place, { recursive: true, force: true }));

const folder = () => fs.mkdtempSync(path.join(place, 'runs-'));

/** A run of 100 steps with a checkpoint, `factor` times as good as the fake one. */
async function makeRun(dir: string, settings: Record<string, string | number>, { factor = 1, save = true } = {}) {
  const run = RunFolder.create(dir, 'run');
  for (const event of fakeRun(100)) {
    const worse = event.event === 'eval' || event.event === 'end' ? event.validationLoss * factor : 0;
    run.log.append((worse ? { ...event, validationLoss: worse } : event) as never);
  }
  if (save) {
    const state = trainingStateJson({
      step: 100,
      settings: new Map(Object.entries({ layers: 2, heads: 2, batch: 8, context: 64, steps: 100, ...settings })),
      model: new Map(),
      schedule: new Map(),
      random: new Map([['seed', 1337]]),
      cursor: new Map(),
      dataHash: 'd'.repeat(64),
      tokenizerHash: 'e'.repeat(64),
      kernels: new Map(),
      versions: new Map([['shaderformer', '0.1.0']]),
      adapter: 'SwiftShader',
      best: null,
    });
    await run.saveStep(100, new Map([['training.json', new TextEncoder().encode(state)]]));
  }
  run.close();
}

async function three() {
  const dir = folder();
  await makeRun(`${dir}/a`, { learningRate: 0.01, schedule: 'cosine' });
  await makeRun(`${dir}/b`, { learningRate: 0.003, schedule: 'cosine' }, { factor: 0.9 });
  await makeRun(`${dir}/c`, { learningRate: 0.03, schedule: 'cosine' }, { factor: 1.2 });
  return dir;
}

const compare = (...words: string[]) => shaderformer(['pretrain', '--compare', ...words], [pretrain]);

describe('pretrain --compare', () => {
  it('prints a row a run, then the settings that differ, within 80 columns', async () => {
    const dir = await three();
    const { code, stdout, stderr } = await compare(`${dir}/a`, `${dir}/b/`, `${dir}/c`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, -2)).toEqual([
      'run  steps  train  validation   best   at  parameters  tokens/s  minutes',
      'a      100  1.909       2.006  2.006  100      28,416     3,050     0.28',
      'b      100  1.909       1.806  1.806  100      28,416     3,050     0.28',
      'c      100  1.909       2.407  2.407  100      28,416     3,050     0.28',
      '',
      '                 a      b     c',
      'learningRate  0.01  0.003  0.03',
    ]);
    expect(stdout).toContain(`report: ${dir}/compare.html\n`);
    for (const line of stdout.split('\n').slice(0, 7)) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('says the same as JSON, an object a run', async () => {
    const dir = await three();
    const { stdout } = await compare(`${dir}/a`, `${dir}/b`, '--json');
    const [a, b] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(a).toEqual({
      event: 'compare',
      run: `${dir}/a`,
      steps: 100,
      trainLoss: expect.closeTo(1.909, 3),
      validationLoss: expect.closeTo(2.0062, 4),
      bestValidationLoss: expect.closeTo(2.0062, 4),
      bestStep: 100,
      parameters: 28416,
      tokensPerSecond: 3050,
      minutes: 0.2798,
      differs: { learningRate: 0.01 },
    });
    expect(b.differs).toEqual({ learningRate: 0.003 });
  });

  it('writes one page with every run, where --out says or beside the first run, and there again', async () => {
    const dir = await three();
    for (const _ of [1, 2]) await compare(`${dir}/a`, `${dir}/b`);
    await compare(`${dir}/c`, '--out', `${dir}/c alone.html`);
    const page = fs.readFileSync(`${dir}/compare.html`, 'utf8');
    expect(page).toContain('Lowest validation loss: b with 1.806 at step 100; then a 2.006.');
    expect(page).toContain('<path class="validation c1 d1"');
    const alone = fs.readFileSync(`${dir}/c alone.html`, 'utf8');
    expect(alone).toContain('<path class="validation"');
    expect(fs.readdirSync(dir)).toEqual(['a', 'b', 'c', 'c alone.html', 'compare.html']);
  });

  it('reads a run that is being trained as it stands: no checkpoint, a torn last line', async () => {
    const dir = await three();
    await makeRun(`${dir}/now`, {}, { save: false });
    const lines = fs.readFileSync(`${dir}/now/metrics.jsonl`, 'utf8').split('\n');
    const upTo = lines.findIndex((line) => line.includes('"step":50,'));
    fs.writeFileSync(`${dir}/now/metrics.jsonl`, `${lines.slice(0, upTo).join('\n')}\n{"event":"step","st`);
    const before = fs.readdirSync(`${dir}/now`);
    const { code, stdout, stderr } = await compare(`${dir}/a`, `${dir}/now`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^now +49 /m);
    expect(stdout).toContain('no setting differs');
    expect(stderr).toBe('now: no whole checkpoint yet, so only some settings are known\n');
    expect(fs.readdirSync(`${dir}/now`)).toEqual(before);
    const planned = await compare(`${dir}/a`);
    expect(planned.stdout).not.toContain('is at step');
  });

  it('passes a damaged checkpoint over, and says how far an unfinished run is', async () => {
    const dir = folder();
    await makeRun(`${dir}/a`, { steps: 300 });
    await makeRun(`${dir}/b`, { steps: 100 });
    fs.appendFileSync(`${dir}/b/step-000100/training.json`, ' ');
    const { stdout, stderr } = await compare(`${dir}/a`, `${dir}/b`);
    expect(stdout).toContain('a is at step 100 of 300');
    expect(stderr).toContain('step-000100 passed over: training.json has ');
  });

  it('runs and draws nothing that a log of unknown origin says', async () => {
    const dir = folder();
    await makeRun(`${dir}/a`, {}, { save: false });
    const evil = '"><script>alert(1)</script>';
    const lines = [
      { event: 'step', step: evil, loss: 1, learningRate: 1, gradNorm: 1, tokensPerSecond: 1 },
      { event: 'step', step: 101, loss: evil, learningRate: evil, gradNorm: evil, tokensPerSecond: evil },
      { event: 'eval', step: 100, trainLoss: 1, validationLoss: evil },
      { event: 'spike', step: 100, loss: 9, z: 8, skipped: false, text: evil },
      { event: 'sample', step: 100, text: evil },
      { event: '__proto__', step: 100 },
    ];
    fs.appendFileSync(`${dir}/a/metrics.jsonl`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const { code } = await compare(`${dir}/a`);
    expect(code).toBe(0);
    const page = fs.readFileSync(`${dir}/compare.html`, 'utf8');
    expect(page).not.toContain('<script>alert');
    expect(page.match(/<script/g)).toHaveLength(2);
  });

  it('refuses in a sentence what it cannot compare', async () => {
    const dir = await three();
    fs.mkdirSync(`${dir}/empty`);
    fs.mkdirSync(`${dir}/new`);
    fs.writeFileSync(`${dir}/new/metrics.jsonl`, `${JSON.stringify(fakeRun(1)[0])}\n`);
    fs.writeFileSync(`${dir}/file`, '');
    const cases: [string[], string][] = [
      [[], '--compare: found no run, expected run folders. For example:'],
      [[`${dir}/nothing`], 'nothing: found nothing, expected a run folder. Check the path.'],
      [[`${dir}/file`], 'file: found a file, expected a run folder. Check the path.'],
      [[`${dir}/empty`], 'empty: found no metrics.jsonl (it is empty), expected a run folder.'],
      [[`${dir}/new`], 'new/metrics.jsonl: found no step, expected at least one. Compare again once'],
      [[`${dir}/a/step-000100`], `found a single checkpoint, expected a run folder. Compare ${dir}/a.`],
      [[`${dir}/a`, `${dir}/../${path.basename(dir)}/a`], `twice (as ${dir}/a), expected each run once.`],
      [
        [`${dir}/a`, '--steps', '5'],
        '--steps: found together with --compare, which trains nothing, expected only --out, --json, --quiet and --debug.',
      ],
      [[`${dir}/a`, '--resume', `${dir}/a`], '--resume: found together with --compare'],
      [[`${dir}/a`, '--out', `${dir}/page`], 'expected the name of an .html file beside --compare.'],
      [[`${dir}/a`, '--out', `${dir}/none/page.html`], `the folder ${dir}/none does not exist`],
    ];
    for (const [words, sentence] of cases) {
      const { code, stdout, stderr } = await compare(...words);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(sentence);
    }
    expect(fs.existsSync(`${dir}/compare.html`)).toBe(false);
  });

  it('takes words beside the switch only', async () => {
    for (const words of [['runs/a'], ['--no-compare', 'runs/a']]) {
      const { code, stderr } = await shaderformer(['pretrain', ...words], [pretrain], fakeHome());
      expect(code).toBe(2);
      expect(stderr).toContain('pretrain: found the word runs/a, expected only flags, which begin with --.');
    }
  });
});

describe('the table of runs', () => {
  const figures = (name: string) => ({
    name,
    steps: 250_000,
    trainLoss: 2.1,
    validationLoss: Number.NaN,
    best: { step: 1000, value: 2.2 },
    parameters: 124_439_808,
    tokensPerSecond: 3050,
    memory: undefined,
    minutes: undefined,
  });

  it('is turned where its rows would not fit', () => {
    const lines = figuresTable([figures('short'), figures('a-name-as-long-as-they-come')], 80, styleFor(false));
    expect(lines[0]).toBe('                   short  a-name-as-long-as-they-come');
    expect(lines[3]).toMatch(/^validation +not a number +not a number$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('counts a setting that is not known as no difference, and one that is not there as one', () => {
    const runs = [{ settings: { a: 1, b: { c: 2 } } }, { settings: { a: 1, d: 3 } }];
    const differing = (more: readonly (typeof runs)[number][]) =>
      settingRows(more)
        .filter(({ differs }) => differs)
        .map(({ name }) => name);
    expect(differing(runs)).toEqual(['b.c', 'd']);
    expect(differing([runs[0]!, { ...runs[1]!, partial: true } as never])).toEqual(['d']);
  });
});
