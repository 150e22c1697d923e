// Runs of the page as folders: the command line goes on with one by itself, and one that somebody changed is refused before anything
// of it is allocated.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PageSettings, RunFile } from '../demo/protocol.ts';
import { makeRun } from '../demo/worker/beginning.ts';
import type { Home } from '../demo/worker/home.ts';
import { fullSettings } from '../demo/worker/presets.ts';
import { PageRun } from '../demo/worker/run.ts';
import { exportRun, heldFiles, importRun } from '../demo/worker/run_folder.ts';
import { type Found, pageSettings } from '../demo/worker/saves.ts';
import { openOwn } from '../demo/worker/text.ts';
import { chooseData } from '../src/cli/pretrain_data.ts';
import { averageName, type Device, hashOf, loop, openDevice, type RunEvent, readZip } from '../src/index.ts';
import { changedRun } from './harness/changed_run.ts';
import { run as command } from './harness/inside.ts';
import { adapter, adapterWords, type Line, scratchFolder } from './harness/program.ts';
import { text as tale } from './harness/tiny_training.ts';

const place = scratchFolder();
const text = openOwn({ name: 'my tale.md', text: tale.repeat(3) });
const page: PageSettings = {
  ...{ layers: 1, heads: 2, width: 16, context: 16, batch: 2, steps: 12, learningRate: 1e-2, minLearningRate: 0 },
  ...{ warmupSteps: 2, schedule: 'cosine', weightDecay: 0.1, dropout: 0, seed: 3, data: text.data },
};
const SAVED = 7;

let device: Device;
let home: Home;
/** What the page exports at step 7, and the end of its run. */
let files: RunFile[];
let end: { validationLoss: number; hash: string };

beforeAll(async () => {
  device = await openDevice(adapter === undefined ? {} : { adapter });
  home = { machine: device, device, twin: null };
  const run = new PageRun(home, { settings: fullSettings(page), seed: page.seed, text });
  const events: RunEvent[] = [];
  const until = async (step: number) => {
    const stop = () => run.parts.trainer.step >= step && step < page.steps;
    const options = run.loopOptions({ stop, drawn: () => {}, save: async () => null });
    for await (const event of loop(run.parts.trainer, options, run.progress))
      if (event.event !== 'phase') events.push(event);
  };
  await until(SAVED);
  // What was queued by then is a step too.
  expect(run.parts.trainer.step).toBeLessThan(page.steps);
  const { name, bytes } = exportRun(await heldFiles(run), text.own);
  files = (await readZip(name, bytes)) as RunFile[];
  await until(page.steps);
  const last = events.findLast((event) => event.event === 'eval');
  if (last?.event !== 'eval') throw new Error('the run has no evaluation');
  end = { validationLoss: last.validationLoss, hash: await hashOf(device, run.parts.model) };
  run.release();
});
afterAll(() => {
  device.close();
  place.remove();
});

describe('an exported run', () => {
  /** The run folder on disk. */
  function written(name: string, those: readonly RunFile[]): string {
    for (const { path: at, bytes } of those) {
      const file = path.join(place.at(name), at);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, bytes);
    }
    return path.join(place.at(name), those[0]!.path.split('/')[0]!);
  }

  test('goes on from its folder alone: the text beside it is found, the end and its validation loss are the page’s', async () => {
    const folder = written('whole', files);
    expect(fs.readdirSync(folder)).toContain('my-tale.txt');
    const { code, stderr, lines } = await command(['pretrain', '--resume', folder, '--json', ...adapterWords]);
    expect(code, stderr).toBe(0);
    const last = (event: string) => lines.findLast((line: Line) => line.event === event)!;
    expect(last('eval')).toMatchObject({ step: page.steps, validationLoss: end.validationLoss });
    expect(last('end')).toMatchObject({ step: page.steps, parameterHash: end.hash });
  });

  test('learns from the text beside it, whatever of that name stands where it was; another text beside is not taken', async () => {
    const folder = written('two', files);
    const elsewhere = path.join(place.at('elsewhere'), 'my-tale.txt');
    fs.mkdirSync(path.dirname(elsewhere), { recursive: true });
    fs.writeFileSync(elsewhere, 'another tale');
    const { state } = await importRun(files);
    const settings = new Map([...state.settings, ['data', elsewhere] as const]);
    const where = path.join(folder, 'step-000007');
    const flags = { data: [], dataWeights: undefined, textField: undefined };
    const chosen = () => chooseData(flags, 'random', { settings, dataHash: state.dataHash, where }).paths;
    expect(chosen()).toEqual([path.join(folder, 'my-tale.txt')]);
    fs.writeFileSync(path.join(folder, 'my-tale.txt'), 'a third tale');
    expect(chosen()).toEqual([elsewhere]);
  });

  test('whose text is gone names it', async () => {
    const without = files.filter((file) => !file.path.endsWith('my-tale.txt'));
    const { code, errors } = await command(['pretrain', '--resume', written('without', without), ...adapterWords]);
    expect(code).toBe(2);
    expect(errors[0]).toContain('my-tale.txt');
  });
});

describe('an imported run', () => {
  const changed = (settings: Record<string, unknown>) => importRun(changedRun(files, settings));
  const made = (from: Found) =>
    makeRun(home, { page: pageSettings(from), text, from, asked: false, notes: [], waits: null });

  test('that nobody changed is made', async () => {
    const fit = made(await changed({}));
    expect(fit.refusal).toBeNull();
    fit.run!.release();
  });

  test('with averaged weights goes on with them', async () => {
    const settings = { ...fullSettings(page), ema: 0.9 };
    const run = new PageRun(home, { settings, seed: page.seed, text });
    const options = run.loopOptions({
      stop: () => run.parts.trainer.step >= 3,
      drawn: () => {},
      save: async () => null,
    });
    for await (const _ of loop(run.parts.trainer, options, run.progress));
    const saved = await heldFiles(run);
    run.release();
    const { name, bytes } = exportRun(saved, text.own);
    const found = await importRun((await readZip(name, bytes)) as RunFile[]);
    const fit = made(found);
    await fit.run!.restore(found.files, found.state, false);
    const again = await heldFiles(fit.run!);
    fit.run!.release();
    expect(saved.get(averageName)).not.toEqual(saved.get('model.safetensors'));
    expect(again.get(averageName)).toEqual(saved.get(averageName));
  });

  test.each([
    [{ width: 131072 }, /^model: training [\d,]+ parameters needs more than [\d.]+ TB, this page may have/],
    [{ layers: 1000, width: 4096, heads: 8 }, /^model: training [\d,]+ parameters needs more than/],
    [{ batch: 1048576 }, /Use a smaller batch or context\.$/],
    [{ dtype: 'f16' }, /^model: this run computes in f16, expected an adapter with shader-f16/],
  ])('of settings %o is refused, and no byte is allocated', async (settings, sentence) => {
    if ('dtype' in settings && device.capabilities.features.has('shader-f16'))
      return console.log('demo runs: the refusal of f16 is skipped, this adapter has it');
    const before = device.shared.buffers.liveBytes;
    const fit = made(await changed(settings));
    expect(fit.run).toBeNull();
    expect(fit.refusal).toMatch(sentence);
    // The weights are there: a smaller model would not fit them.
    expect(fit).toMatchObject({ smaller: null });
    expect(device.shared.buffers.liveBytes).toBe(before);
  });

  test.each([
    [
      { accumulate: 1e9 },
      'training.json: settings.accumulate: found 1000000000, expected a whole number of batches from 1 to 4096.',
    ],
    [{ accumulate: 'many' }, 'training.json: settings.accumulate: found the text "many"'],
    [{ tied: 'yes' }, 'training.json: settings.tied: found the text "yes", expected true or false.'],
    [{ family: 'mamba' }, 'training.json: settings.family: found the text "mamba", expected one of gpt2, llama'],
    [{ evalEvery: -1 }, 'training.json: settings.evalEvery: found -1'],
    [{ width: 0 }, 'width: found 0, expected a whole number from 4 to 131072'],
    [{ heads: 3 }, 'heads: found 3, expected a divisor of the width, 16'],
  ])('that says %o is refused when it is read', async (settings, sentence) => {
    await expect(changed(settings)).rejects.toThrow(sentence);
  });
});
